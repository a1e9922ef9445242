"""Planted faults: every one is named with its file and line, and none ends in a traceback.

Each folder of `faults/` has the layout of the sources and is laid over a copy of the tiny world;
`faults/expected.csv` says which line has to be named, how grave it is, and a piece of what is said.
"""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT

from unitgraph.cli import main

TINY = ROOT / "tests" / "tiny"
FAULTS = ROOT / "tests" / "faults"
PLACEHOLDER = "127.0.0.1:1/"  #: in the overlays, the address of a server that must not be asked
THROUGH_THE_COMMAND = (
    "blank-node",
    "dangling-iri",
    "entity-bomb-as-rdf",
    "latin-1",
    "remote-context",
    "unterminated-string",
)


class Expected(NamedTuple):
    case: str
    path: str
    line: str
    severity: str
    message: str

    @property
    def start(self) -> str:
        return f"{self.path}:{self.line}: " + ("" if self.severity == "Fault" else f"{self.severity}: ")

    @property
    def exit_code(self) -> int:
        return int(self.severity in ("Fault", "Violation"))


with (FAULTS / "expected.csv").open(encoding="utf-8", newline="") as table:
    EXPECTED = {row["case"]: Expected(**row) for row in csv.DictReader(table)}


def overlaid(case: str, folder: Path, address: str = PLACEHOLDER) -> Path:
    """The tiny world with a fault laid over it; what the fault does not touch is linked."""
    for name in ("data", "ontology", "queries", "shapes"):
        if name in ("ontology", "shapes") and not (FAULTS / case / name).exists():
            (folder / name).symlink_to(ROOT / name)
        else:
            shutil.copytree(TINY / name, folder / name, ignore=shutil.ignore_patterns("examples"))
    shutil.copytree(FAULTS / case, folder, dirs_exist_ok=True)
    for path in folder.rglob("*.jsonld"):
        path.write_text(path.read_text("utf-8").replace(PLACEHOLDER, address), "utf-8")
    return folder


def assert_named(expected: Expected, exit_code: int, output: str) -> None:
    assert "Traceback" not in output
    assert exit_code == expected.exit_code, output
    named = [line for line in output.splitlines() if line.startswith(expected.start)]
    assert any(expected.message in line for line in named), output


@pytest.fixture(autouse=True)
def _no_earlier_build(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No finding is known from a development build of somebody who works here."""
    monkeypatch.setenv("UNITGRAPH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def address() -> Iterator[str]:
    """Where a server listens that nobody may ask."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_every_overlay_is_expected_and_every_expected_fault_has_its_overlay() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in FAULTS.iterdir() if path.is_dir())


def test_the_tiny_world_itself_has_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(TINY)]) == 0
    assert capsys.readouterr().out.startswith("good: 0 faults, 0 Violation, 0 Warning")


@pytest.mark.parametrize("case", EXPECTED)
def test_a_planted_fault_is_named_with_its_file_and_line(
    case: str, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = main(["check", "--all", str(overlaid(case, tmp_path, address))])
    output = capsys.readouterr()
    assert_named(EXPECTED[case], exit_code, output.out + output.err)


@pytest.mark.parametrize("case", THROUGH_THE_COMMAND)
def test_the_command_names_a_planted_fault_too(case: str, tmp_path: Path, address: str) -> None:
    folder = overlaid(case, tmp_path, address)
    command = [sys.executable, "-m", "unitgraph.cli", "check", str(folder)]
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert_named(EXPECTED[case], done.returncode, done.stdout + done.stderr)


def test_a_fault_is_found_in_a_lone_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = FAULTS / "february-30" / "data" / "project" / "wrong.ttl"
    assert main(["check", str(path)]) == 1
    assert f'{path}:{EXPECTED["february-30"].line}: "2021-02-30" is no xsd:date' in capsys.readouterr().out


def test_every_fault_of_a_set_of_sources_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = ("entity-bomb-as-xml", "notation-3", "comma-in-json", "missing-dot", "query-without-summary")
    folder = overlaid(cases[0], tmp_path)
    for case in cases[1:]:
        shutil.copytree(FAULTS / case, folder, dirs_exist_ok=True)
    assert main(["check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    for case in cases:
        assert any(line.startswith(EXPECTED[case].start) for line in lines), case
