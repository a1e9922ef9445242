"""Who harvests by OAI-PMH has the things that are there, and hears of those that are not any more."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import asgi
import pytest
from conftest import SHARED, needs_suites, needs_xmllint
from werkzeug.test import Client

from unitgraph.engine import Engine
from unitgraph.records import GRAPH, records
from unitgraph.release import Release
from unitgraph.resources import oai
from unitgraph.settings import Settings
from unitgraph.site import Publication
from unitgraph.web import create_app

NS = "{http://www.openarchives.org/OAI/2.0/}"
DC = "{http://purl.org/dc/elements/1.1/}"
ID = "oai:example.org:"


@pytest.fixture(scope="module")
def reader(five: tuple[Release, ...], engine: Engine) -> Client:
    """A client of the site of five releases, under its own address."""
    return asgi.client(create_app(Publication(five[-1].folder.parent, engine, Settings())))


@pytest.fixture(params=["tiny", "checkout"])
def either(request: pytest.FixtureRequest, reader: Client, client: Client) -> Client:
    return reader if request.param == "tiny" else client


def asked(client: Client, **arguments: str) -> ET.Element:
    pairs = {name.rstrip("_"): value for name, value in arguments.items()}
    answer = client.get("/oai", query_string=pairs)
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    return ET.fromstring(answer.data)


def code(found: ET.Element) -> str:
    error = found.find(f"{NS}error")
    assert error is not None
    assert error.text
    return error.get("code", "")


def headers(client: Client, **arguments: str) -> Iterator[ET.Element]:
    """The headers of a whole list, by its tokens."""
    verb = arguments.pop("verb", "ListIdentifiers")
    found, sent = asked(client, verb=verb, **arguments), 0
    while True:
        part = list(found.iter(f"{NS}header"))
        yield from part
        token = found.find(f".//{NS}resumptionToken")
        if token is not None:
            assert int(token.get("cursor", "-1")) == sent
            sent += len(part)
        if token is None or not token.text:
            assert token is None or int(token.get("completeListSize", "-1")) == sent
            return
        found = asked(client, verb=verb, resumptionToken=token.text)


def paths(found: Iterator[ET.Element], *, deleted: bool = False) -> set[str]:
    return {
        (one.findtext(f"{NS}identifier") or "").removeprefix(ID)
        for one in found
        if (one.get("status") == "deleted") == deleted
    }


def things(release: Release) -> set[str]:
    return {record.path for record in records(release.lines(), release.base) if record.kind != GRAPH}


# Lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_page", [1, 7, 1_000])
def test_a_whole_harvest_has_every_thing_once_and_the_deleted_ones(
    reader: Client, five: tuple[Release, ...], per_page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "PER_PAGE", per_page)
    found = list(headers(reader, metadataPrefix="oai_dc"))
    assert paths(iter(found)) == things(five[-1])
    assert paths(iter(found), deleted=True) == {"project/tide-tables", "project/star-charts"}
    assert len(found) == len(things(five[-1])) + 2


@pytest.mark.parametrize("verb", ["ListIdentifiers", "ListRecords"])
def test_a_harvester_that_asks_for_what_is_new_has_the_state_of_now(
    reader: Client, five: tuple[Release, ...], verb: str
) -> None:
    for release in five[:-1]:
        held = things(release)
        fresh = list(headers(reader, verb=verb, metadataPrefix="rdf", from_=release.issued))
        held |= paths(iter(fresh))
        held -= paths(iter(fresh), deleted=True)
        assert held == things(five[-1])
        assert all((one.findtext(f"{NS}datestamp") or "") >= release.issued for one in fresh)


def test_days_and_seconds_bound_a_list_on_both_sides(reader: Client) -> None:
    def between(start: str, end: str) -> set[str]:
        return paths(headers(reader, metadataPrefix="oai_dc", from_=start, until=end))

    assert between("2026-04-01", "2026-04-01") == {"project/tides"}
    assert between("2026-04-01T00:00:00Z", "2026-04-01T00:00:00Z") == {"project/tides"}
    assert "project/tides" not in between("2026-01-01", "2026-03-31")
    gone = headers(reader, metadataPrefix="oai_dc", from_="2026-03-01", until="2026-03-01")
    assert paths(gone, deleted=True) == {"project/tide-tables"}


def test_sets_are_kinds_directions_and_units(reader: Client, five: tuple[Release, ...]) -> None:
    specs = {one.findtext(f"{NS}setSpec") or "" for one in asked(reader, verb="ListSets").iter(f"{NS}set")}
    assert {"kind:project", "direction:1", "unit:maps"} <= specs
    projects = paths(headers(reader, metadataPrefix="oai_dc", set="kind:project"))
    assert projects == {path for path in things(five[-1]) if path.startswith("project/")}
    of_unit = list(headers(reader, metadataPrefix="oai_dc", set="unit:maps"))
    assert "project/tides" in paths(iter(of_unit))
    assert "project/tide-tables" in paths(iter(of_unit), deleted=True)
    for one in of_unit:
        assert {spec.text for spec in one.iter(f"{NS}setSpec")} >= {"unit:maps"}
    assert code(asked(reader, verb="ListIdentifiers", metadataPrefix="oai_dc", set="nothing")) == "noRecordsMatch"


def test_the_datestamp_is_the_time_of_the_change(reader: Client) -> None:
    found = asked(reader, verb="GetRecord", metadataPrefix="oai_dc", identifier=f"{ID}project/tides")
    assert found.findtext(f".//{NS}datestamp") == "2026-04-01T00:00:00Z"
    assert found.findtext(f".//{DC}title") == "Tides and stars"
    assert "https://example.org/tiny/project/tides" in {one.text for one in found.iter(f"{DC}identifier")}
    gone = asked(reader, verb="GetRecord", metadataPrefix="rdf", identifier=f"{ID}project/star-charts")
    assert gone.find(f".//{NS}metadata") is None


def test_every_record_names_its_licence(client: Client) -> None:
    found = asked(client, verb="ListRecords", metadataPrefix="oai_dc", set="kind:unit")
    many = list(found.iter(f"{NS}record"))
    assert len(many) == min(oai.PER_PAGE, 86)
    for one in many:
        assert "creativecommons.org" in (one.findtext(f".//{DC}rights") or "")
        assert one.findtext(f".//{DC}title")


# Answers ---------------------------------------------------------------------------------------------------------

REQUESTS = {
    "Identify": {"verb": "Identify"},
    "formats": {"verb": "ListMetadataFormats"},
    "sets": {"verb": "ListSets"},
    "identifiers": {"verb": "ListIdentifiers", "metadataPrefix": "oai_dc"},
    "records": {"verb": "ListRecords", "metadataPrefix": "oai_dc"},
    "new records": {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-02-01"},
    "unknown": {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:example.org:unit/none"},
    "no verb": {},
    "wrong argument": {"verb": "Identify", "x": "1"},
}

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:import namespace="http://www.openarchives.org/OAI/2.0/" schemaLocation="OAI-PMH.xsd"/>
<xs:import namespace="http://www.openarchives.org/OAI/2.0/oai_dc/" schemaLocation="oai_dc.xsd"/>
<xs:import namespace="http://www.openarchives.org/OAI/2.0/oai-identifier" schemaLocation="oai-identifier.xsd"/>
</xs:schema>"""


@needs_suites
@needs_xmllint
@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_keeps_to_the_schema(either: Client, tmp_path: Path, name: str) -> None:
    for kind in ("oai-pmh", "xml"):
        for path in (SHARED / "suites" / "schemas" / kind).rglob("*.xsd"):
            text = path.read_text("utf-8")
            for mark in (
                "http://dublincore.org/schemas/xmls/",
                "http://www.w3.org/2001/03/",
                "http://www.w3.org/2001/",
            ):
                text = text.replace(f'schemaLocation="{mark}', 'schemaLocation="')
            (tmp_path / path.name).write_text(text, "utf-8")
    (tmp_path / "all.xsd").write_text(SCHEMA, "utf-8")
    (tmp_path / "answer.xml").write_bytes(either.get("/oai", query_string=REQUESTS[name]).data)
    done = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--schema", "all.xsd", "answer.xml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "answer.xml validates" in done.stderr, done.stderr[-2_000:]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "badVerb"),
        ("verb=Nothing", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&set=x", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=yesterday", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-01&until=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-01&until=2026-03-01T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc", "cannotDisseminateFormat"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2030-01-01", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=p%3Doai_dc%26a%3D-1%26n%3D1", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=x&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&resumptionToken=" + "x" * 5_000, "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=p%3Doai_dc%26a%3D99999999%26n%3D0", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=p%3Doai_dc%26a%3D1%26n%3D1%26f%3Dx", "badArgument"),
        ("verb=ListSets&resumptionToken=x", "badResumptionToken"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:example.org:unit/none", "idDoesNotExist"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:example.org:graph/release", "idDoesNotExist"),
        ("verb=GetRecord&metadataPrefix=x&identifier=oai:example.org:unit/maps", "cannotDisseminateFormat"),
        ("verb=ListMetadataFormats&identifier=nothing", "idDoesNotExist"),
    ],
)
def test_what_is_wrong_is_an_error_of_the_protocol(reader: Client, arguments: str, expected: str) -> None:
    answer = reader.get(f"/oai?{arguments}")
    assert answer.status_code == 200
    assert code(ET.fromstring(answer.data)) == expected
    posted = reader.post("/oai", data=arguments, content_type="application/x-www-form-urlencoded")
    assert code(ET.fromstring(posted.data)) == expected


def test_a_form_that_is_posted_is_answered_as_an_address_is(reader: Client) -> None:
    one = reader.get("/oai?verb=ListIdentifiers&metadataPrefix=rdf&set=kind:unit").data
    two = reader.post("/oai", data={"verb": "ListIdentifiers", "metadataPrefix": "rdf", "set": "kind:unit"}).data
    strip = [b"".join(answer.partition(b"</responseDate>")[1:]) for answer in (one, two)]
    assert strip[0] == strip[1]


def test_an_answer_is_never_an_earlier_one(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reader.get("/oai?verb=Identify")
    assert first.headers["Cache-Control"] == "no-store"
    monkeypatch.setattr(oai, "answer", lambda *_: b"<made-anew/>")
    assert reader.get("/oai?verb=Identify").data == b"<made-anew/>"
