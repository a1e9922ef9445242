"""Skeleton files for new things: Turtle with an ellipsis where the editor writes, refused until it is filled in."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from unitgraph import sources
from unitgraph.errors import UsageError

_BODIES = {
    "unit": """unit:{slug} a ug:Unit ;
    skos:prefLabel "…"@en ;
    skos:notation "…" ;
    ug:unitOf organisation:ifla ;
    ug:homepage <https://…> ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .

standing:{slug}-section a ug:Standing ;
    ug:standingOf unit:{slug} ;
    ug:standingKind unit-kind:section ;
    ug:start "…"^^xsd:gYear ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .
""",
    "project": """project:{slug} a ug:Project ;
    skos:prefLabel "…"@en ;
    dcterms:description "…"@en ;
    ug:leader unit:… ;
    ug:form form:… ;
    ug:state state:unknown ;
    ug:start "…"^^xsd:gYear ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .

# Only if a source says so; otherwise delete this node and leave an editorial note.
contribution:{slug}-… a ug:Contribution ;
    ug:contributionOf project:{slug} ;
    ug:towards initiative:… ;
    ug:basis basis:stated-by-story ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .

# One for each organisation that takes part; delete it if there is none.
partnership:{slug}-… a ug:Partnership ;
    ug:partner organisation:… ;
    ug:partnershipIn project:{slug} ;
    ug:role role:partner ;
    dcterms:description "…"@en ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .
""",
    "story": """story:{slug} a ug:Story ;
    skos:prefLabel "…"@en ;
    ug:tellsOf unit:… , project:… ;
    ug:inRound round:… ;
    dcterms:issued "…"^^xsd:date ;
    ug:url <https://…> ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .
""",
    "organisation": """organisation:{slug} a ug:Organisation ;
    skos:prefLabel "…"@en ;
    ug:organisationKind "…"@en ;
    ug:country country:… ;
    ug:homepage <https://…> ;
    ug:statedIn source:… ;
    ug:confidence confidence:confirmed .
""",
    "source": """source:{slug} a ug:Source ;
    skos:prefLabel "…"@en ;
    ug:url <{url}> .
""",
}

_NAMESPACES = {
    "dcterms": "http://purl.org/dc/terms/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "ug": "https://w3id.org/unitgraph/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def write(root: Path, kind: str, name: str) -> Path:
    """Write the skeleton of a new thing.

    Args:
        kind: one of the kinds with a skeleton.
        name: its slug, or, for a source, its address.

    Returns:
        The path of the file, relative to the current folder where possible.

    Raises:
        UsageError: a slug with other characters than a-z, 0-9 and -, or one that is taken.
    """
    url = ""
    if kind == "source" and "://" in name:
        url = quote(name, safe=":/?#@!$&'()*+,;=~%-._")
        name = source_slug(name)
    elif kind == "source":
        raise UsageError("a source is keyed by its address: unitgraph new source https://…")
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise UsageError(f"{name!r} is no slug; use only a-z, 0-9 and -, and choose well: a slug never changes")
    path = root / "data" / kind / f"{name}.ttl"
    if path.exists():
        raise UsageError(f"{path} exists; a {kind} with that slug is described there")
    body = _BODIES[kind].format(slug=name, url=url)
    base = sources.read_base(root)
    used = sorted(set(re.findall(r"([a-z-]+):(?=[\w…-])", re.sub(r'"[^"]*"|<[^>]*>', "", body))))
    prefixes = "".join(f"@prefix {p}: <{_NAMESPACES.get(p, f'{base}{p}/')}> .\n" for p in used)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{prefixes}\n{body}", "utf-8")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def source_slug(url: str) -> str:
    """The slug of a source, from its address.

    >>> source_slug("https://www.ifla.org/news/partners-in-metadata/")
    'ifla-org-news-partners-in-metadata'
    """
    parts = urlsplit(url)
    host = parts.netloc.lower().removeprefix("www.")
    slug = re.sub(r"[^a-z0-9]+", "-", f"{host} {parts.path} {parts.query}".lower()).strip("-")
    return slug if len(slug) <= 72 else slug[:72].rsplit("-", 1)[0]
