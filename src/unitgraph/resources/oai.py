"""OAI-PMH 2.0: the things of the change table as records, in Dublin Core and in their own RDF.

The datestamp of a record is the time of the release that changed it last; what was removed stays as a deleted record.
A resumption token says all that the list needs, so nothing is kept between requests: a list that is under way when
another release is published goes on, and has the changes of that one at its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

from pyoxigraph import Literal, NamedNode, Triple

from unitgraph import formats
from unitgraph.answers import Graph
from unitgraph.changes import REMOVED, Change
from unitgraph.records import GRAPH, SETS
from unitgraph.resources import home, terms
from unitgraph.site import Site
from unitgraph.vocab import PREFIXES, RDF_TYPE, term

PER_PAGE = 100
OAI = "http://www.openarchives.org/OAI/2.0/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
DC, RDF = "oai_dc", "rdf"
METADATA = {
    DC: (OAI + "oai_dc.xsd", OAI + "oai_dc/"),
    RDF: (OAI + "rdf.xsd", PREFIXES["rdf"]),
}

#: The arguments of each verb: those that it must have, and those that it may have (§4).
VERBS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set", "resumptionToken"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set", "resumptionToken"})),
}

#: From the properties of things to Dublin Core; the values of the first line carry their language.
CROSSWALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("title", ("skos:prefLabel", "rdfs:label", "dcterms:title", "skosxl:literalForm")),
    ("subject", ("skos:notation",)),
    ("description", ("dcterms:description", "skos:definition", "skos:scopeNote")),
    ("date", ("dcterms:date", "dcterms:issued", "dcterms:created", "schema:startDate")),
    ("identifier", ("dcterms:identifier",)),
    ("source", ("ug:statedIn",)),
    ("relation", ("ug:leader", "ug:contributesTo", "ug:tellsOf", "ug:hasPartner", "ug:partOf", "skos:exactMatch")),
)


class Refused(Exception):
    """An error of the protocol (§3.6): its code, and what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Listing:
    """What a list was asked for, and how far it is: `after` is the number of a change, `sent` counts records."""

    prefix: str
    start: str = ""
    end: str = ""
    set: str = ""
    after: int = 0
    sent: int = 0

    def token(self, after: int, sent: int) -> str:
        """All of it, for the next request."""
        said = {"p": self.prefix, "f": self.start, "u": self.end, "s": self.set, "a": after, "n": sent}
        return urlencode({name: value for name, value in said.items() if value != ""})

    @classmethod
    def of_token(cls, token: str) -> Listing:
        """What a token says.

        Raises:
            Refused: it is none of ours.
        """
        said = dict(parse_qsl(token)) if len(token) < 1_000 else {}
        numbers = [said.get("a", ""), said.get("n", "")]
        if said.get("p") not in METADATA or not all(re.fullmatch(r"[0-9]{1,15}", one) for one in numbers):
            raise Refused("badResumptionToken", "this is no token of this repository; begin the list again")
        return cls(said["p"], said.get("f", ""), said.get("u", ""), said.get("s", ""), *map(int, numbers))


def answer(site: Site, arguments: Iterable[tuple[str, str]], address: str, now: datetime) -> bytes:
    """The response to a request; `address` is that of the repository."""
    pairs = list(arguments)
    try:
        said = _checked(pairs)
        attributes = "".join(f" {name}={quoteattr(value)}" for name, value in sorted(said.items()))
        body = VIEWS[said["verb"]](site, said, address)
        inner = f"<{said['verb']}>{body}</{said['verb']}>"
    except Refused as error:
        well_formed = error.code not in ("badVerb", "badArgument")
        attributes = "".join(f" {n}={quoteattr(v)}" for n, v in sorted(dict(pairs).items())) if well_formed else ""
        inner = f'<error code="{error.code}">{escape(str(error))}</error>'
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    schema = f'xmlns="{OAI}" xmlns:xsi="{XSI}" xsi:schemaLocation="{OAI} {OAI}OAI-PMH.xsd"'
    request = f"<request{attributes}>{escape(address)}</request>"
    date = f"<responseDate>{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</responseDate>"
    return f"{head}<OAI-PMH {schema}>{date}{request}{inner}</OAI-PMH>\n".encode()


def _checked(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The arguments, each once and each known to the verb.

    Raises:
        Refused: badVerb or badArgument.
    """
    verbs = [value for name, value in pairs if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in VERBS:
        raise Refused("badVerb", f"say one verb, of {', '.join(VERBS)}")
    said = dict(pairs)
    must, may = VERBS[verbs[0]]
    if len(said) != len(pairs):
        raise Refused("badArgument", "an argument is given twice")
    given = said.keys() - {"verb"}
    if "resumptionToken" in given & may:
        if len(given) > 1:
            raise Refused("badArgument", "a resumptionToken stands alone")
        return said
    if unknown := given - must - may:
        raise Refused("badArgument", f"{verbs[0]} has no argument {min(unknown)[:40]}")
    if missing := must - given:
        raise Refused("badArgument", f"{verbs[0]} needs {', '.join(sorted(missing))}")
    return said


# The verbs -------------------------------------------------------------------------------------------------------


def _identify(site: Site, _: Mapping[str, str], address: str) -> str:
    host = urlsplit(site.base).hostname or "localhost"
    contact = site.settings.contact.removeprefix("mailto:")
    mail = contact if re.fullmatch(r"\S+@\S+", contact) else f"noreply@{host}"
    about = (
        f'<description><oai-identifier xmlns="{OAI}oai-identifier" xmlns:xsi="{XSI}" '
        f'xsi:schemaLocation="{OAI}oai-identifier {OAI}oai-identifier.xsd"><scheme>oai</scheme>'
        f"<repositoryIdentifier>{host}</repositoryIdentifier><delimiter>:</delimiter>"
        f"<sampleIdentifier>oai:{host}:unit/example</sampleIdentifier></oai-identifier></description>"
    )
    rows = {
        "repositoryName": home.chrome(site).title.value,
        "baseURL": address,
        "protocolVersion": "2.0",
        "adminEmail": mail,
        "earliestDatestamp": site.changes.steps[0].issued,
        "deletedRecord": "persistent",
        "granularity": "YYYY-MM-DDThh:mm:ssZ",
    }
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in rows.items()) + about


def _formats(site: Site, said: Mapping[str, str], _: str) -> str:
    if "identifier" in said:
        _change(site, said["identifier"])
    return "".join(
        f"<metadataFormat><metadataPrefix>{prefix}</metadataPrefix><schema>{schema}</schema>"
        f"<metadataNamespace>{namespace}</metadataNamespace></metadataFormat>"
        for prefix, (schema, namespace) in METADATA.items()
    )


def _sets(site: Site, said: Mapping[str, str], _: str) -> str:
    if "resumptionToken" in said:
        raise Refused("badResumptionToken", "the list of sets has one part")
    found = [(f"kind:{segment}", kind.label) for segment, kind in site.kinds.items()]
    for kind in SETS:
        found.append((kind, site.kinds[kind].label if kind in site.kinds else kind))
        for change in site.changes.newest(0, 100_000, kind):
            found.append((change.path.replace("/", ":"), _name(site, change)))
    return "".join(f"<set><setSpec>{spec}</setSpec><setName>{escape(name)}</setName></set>" for spec, name in found)


def _name(site: Site, change: Change) -> str:
    return change.path if change.what == REMOVED else terms.label(site, NamedNode(site.base + change.path)).value


def _get(site: Site, said: Mapping[str, str], _: str) -> str:
    change = _change(site, said["identifier"])
    _known(said["metadataPrefix"])
    return _record(site, change, said["metadataPrefix"])


def _known(prefix: str) -> None:
    if prefix not in METADATA:
        raise Refused("cannotDisseminateFormat", f"there are {', '.join(METADATA)}")


def _change(site: Site, identifier: str) -> Change:
    start = _identifier(site, "")
    found = site.changes.of(identifier.removeprefix(start)) if identifier.startswith(start) else ()
    if not found or found[-1].kind == GRAPH:
        raise Refused("idDoesNotExist", f"no record is called {identifier[:200]}")
    return found[-1]


def _list(site: Site, said: Mapping[str, str], _: str) -> str:
    if "resumptionToken" in said:
        asked = Listing.of_token(said["resumptionToken"])
    else:
        _known(said["metadataPrefix"])
        asked = Listing(said["metadataPrefix"], said.get("from", ""), said.get("until", ""), said.get("set", ""))
    first, last = _releases(site, asked)
    kind, member = _set(asked.set)
    within = (first, last, kind, member)
    total = site.changes.count_newest(*within)
    found = site.changes.select_newest(asked.after, PER_PAGE, *within)
    if not total or (not found and not asked.sent):
        raise Refused("noRecordsMatch", "no record is in that set and changed in that time")
    write = _header if said["verb"] == "ListIdentifiers" else lambda s, c: _record(s, c, asked.prefix)
    body = "".join(write(site, change) for change in found)
    sent = asked.sent + len(found)
    more = bool(found) and bool(site.changes.select_newest(found[-1].id, 1, *within))
    if not more and not asked.sent:
        return body
    token = escape(asked.token(found[-1].id, sent)) if more else ""
    size = f'completeListSize="{max(total, sent)}" cursor="{asked.sent}"'
    return f"{body}<resumptionToken {size}>{token}</resumptionToken>"


def _releases(site: Site, asked: Listing) -> tuple[int, int]:
    """The numbers of the first and the last release in the time that is asked for.

    Raises:
        Refused: badArgument.
    """
    start, end = _time(asked.start, "00:00:00"), _time(asked.end, "23:59:59")
    if asked.start and asked.end and len(asked.start) != len(asked.end):
        raise Refused("badArgument", "from and until have different granularities")
    if asked.start and asked.end and start > end:
        raise Refused("badArgument", "from is later than until")
    inside = [step.number for step in site.changes.steps if (not start or step.issued >= start)]
    inside = [number for number in inside if not end or site.changes.steps[number - 1].issued <= end]
    return (inside[0], inside[-1]) if inside else (1, 0)


def _time(text: str, rest: str) -> str:
    """A time of the protocol (§3.3) as one of a release; a day is filled up."""
    if not text:
        return ""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text = f"{text}T{rest}Z"
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError as error:
        raise Refused("badArgument", f"{text[:40]!r} is no date; write 2026-11-23 or 2026-11-23T00:00:00Z") from error


def _set(spec: str) -> tuple[str, str]:
    """The kind, or the member of a set, that a set is."""
    head, _, rest = spec.partition(":")
    if head == "kind":
        return rest, ""
    if spec and head in SETS:
        return ("", f"{head}/{rest}") if rest else (head, "")
    return ("", "") if not spec else ("-", "")  # no set that is not known has records


# Records ---------------------------------------------------------------------------------------------------------


def _identifier(site: Site, path: str) -> str:
    return f"oai:{urlsplit(site.base).hostname}:{path}"


def _header(site: Site, change: Change) -> str:
    status = ' status="deleted"' if change.what == REMOVED else ""
    specs = [f"kind:{change.kind}", *(one.replace("/", ":") for one in change.sets)]
    sets = "".join(f"<setSpec>{escape(spec)}</setSpec>" for spec in specs)
    return (
        f"<header{status}><identifier>{escape(_identifier(site, change.path))}</identifier>"
        f"<datestamp>{change.step.issued}</datestamp>{sets}</header>"
    )


def _record(site: Site, change: Change, prefix: str) -> str:
    header = _header(site, change)
    if change.what == REMOVED:
        return f"<record>{header}</record>"
    node = NamedNode(site.base + change.path)
    quads = site.store.quads_for_pattern(node, None, None)
    triples = tuple(dict.fromkeys(Triple(quad.subject, quad.predicate, quad.object) for quad in quads))
    metadata = _rdf(site, node, triples) if prefix == RDF else "".join(_dublin_core(site, change, node, triples))
    return f"<record>{header}<metadata>{metadata}</metadata></record>"


def _rdf(site: Site, node: NamedNode, triples: tuple[Triple, ...]) -> str:
    written = formats.write(Graph(node.value, triples), formats.RDF_XML, terms.prefixes(site)).decode()
    return re.sub(r"^\s*<\?xml[^>]*\?>\s*", "", written)


def _dublin_core(site: Site, change: Change, node: NamedNode, triples: tuple[Triple, ...]) -> Iterator[str]:
    yield (
        f'<oai_dc:dc xmlns:oai_dc="{OAI}oai_dc/" xmlns:dc="{PREFIXES["dc"]}" xmlns:xsi="{XSI}" '
        f'xsi:schemaLocation="{OAI}oai_dc/ {OAI}oai_dc.xsd">'
    )
    said: dict[NamedNode, list[object]] = {}
    for triple in triples:
        said.setdefault(triple.predicate, []).append(triple.object)
    seen = set()
    if not any(term(name) in said for name in CROSSWALK[0][1]):
        yield f"<dc:title>{escape(terms.label(site, node).value)}</dc:title>"
    yield f"<dc:identifier>{escape(node.value)}</dc:identifier>"
    for element, names in CROSSWALK:
        for value in (value for name in names for value in said.get(term(name), ())):
            if (element, value) in seen or not isinstance(value, Literal | NamedNode):
                continue
            seen.add((element, value))
            language = value.language if isinstance(value, Literal) else None
            attribute = f' xml:lang="{language}"' if language else ""
            yield f"<dc:{element}{attribute}>{escape(value.value)}</dc:{element}>"
    kinds = [quad.value for quad in said.get(RDF_TYPE, ()) if isinstance(quad, NamedNode)]
    yield f"<dc:type>{escape(site.kinds[change.kind].label)}</dc:type>"
    yield from (f"<dc:type>{escape(kind)}</dc:type>" for kind in sorted(kinds))
    if license_ := home.chrome(site).license:
        yield f"<dc:rights>{escape(license_)}</dc:rights>"
    yield "</oai_dc:dc>"


VIEWS: dict[str, Callable[[Site, Mapping[str, str], str], str]] = {
    "Identify": _identify,
    "ListMetadataFormats": _formats,
    "ListSets": _sets,
    "GetRecord": _get,
    "ListIdentifiers": _list,
    "ListRecords": _list,
}
