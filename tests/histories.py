"""Five releases of the tiny world: things come, change, go, are renamed and are merged."""

from __future__ import annotations

import shutil
from pathlib import Path

from unitgraph import build
from unitgraph.release import Release
from unitgraph.vocab import PREFIXES

BASE = "https://example.org/tiny/"
TINY = Path(__file__).parent / "tiny"
HEAD = f"@prefix skos: <{PREFIXES['skos']}> .\n@prefix ug: <{PREFIXES['ug']}> .\n"


def project(name: str, label: str, former: str = "") -> str:
    """A file about a project."""
    was = f"    ug:formerIri <{BASE}project/{former}> ;\n" if former else ""
    return (
        f'{HEAD}<{BASE}project/{name}> a ug:Project ;\n    skos:prefLabel "{label}"@en ;\n{was}'
        f"    ug:leader <{BASE}unit/maps> ;\n    ug:statedIn <{BASE}source/lantern-units> ;\n"
        f"    ug:confidence <{BASE}confidence/seed> .\n"
    )


def five(folder: Path, base: str | None = None) -> tuple[Release, ...]:
    """The releases, oldest first; the last one is published.

    2: a project is created, another too, a unit changed. 3: the first is renamed. 4: the second is merged into it.
    5: a note goes again and a statement moves to another file.
    """
    root, out = Path(shutil.copytree(TINY, folder / "sources")), folder / "releases"
    projects, unit = root / "data" / "project", root / "data" / "unit" / "division-a.ttl"
    whole = unit.read_text("utf-8")
    found: list[Release] = []

    def publish() -> None:
        month = len(found) + 1
        version, issued = f"2026.{month:02}.1", f"2026-{month:02}-01"
        found.append(build.build(build.judge(root), out, version=version, issued=issued, base=base))

    publish()
    (projects / "tide-tables.ttl").write_text(project("tide-tables", "Tide tables of the lantern coast"), "utf-8")
    (projects / "star-charts.ttl").write_text(project("star-charts", "Star charts"), "utf-8")
    note = f'<{BASE}unit/division-a> <{PREFIXES["skos"]}editorialNote> "Looked at again."@en .\n'
    unit.write_text(whole + "\n" + note, "utf-8")
    publish()
    (projects / "tide-tables.ttl").unlink()
    (projects / "tides.ttl").write_text(project("tides", "Tides", "tide-tables"), "utf-8")
    publish()
    (projects / "star-charts.ttl").unlink()
    merged = project("tides", "Tides and stars", "tide-tables").replace(
        "    ug:leader", f"    ug:formerIri <{BASE}project/star-charts> ;\n    ug:leader", 1
    )
    (projects / "tides.ttl").write_text(merged, "utf-8")
    publish()
    unit.write_text(whole, "utf-8")
    other = root / "data" / "unit" / "maps.ttl"
    other.write_text(other.read_text("utf-8") + "\n" + note.replace("division-a", "maps"), "utf-8")
    publish()
    return tuple(found)
