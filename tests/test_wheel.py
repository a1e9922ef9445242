"""The wheel alone is enough: an empty virtual environment, an empty folder, the real graph."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a source distribution as anybody would build it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_the_sources_of_the_graph(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("ontology", "shapes", "data", "queries"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".ttl", ".rq") and path.is_file():
                assert f"unitgraph/graph/{path.relative_to(ROOT).as_posix()}" in names
    assert "unitgraph/web/static/style.css" in names


@pytest.mark.full
def test_the_wheel_serves_the_real_graph_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    binary = tmp_path / "venv" / "bin"
    install = [str(binary / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        [str(binary / "unitgraph"), "serve", "--port", "0"],
        cwd=empty,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        base = server.stdout.readline().removeprefix("serving ").strip()
        request = urllib.request.Request(f"{base}unit/arl", headers={"Accept": "text/turtle"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.url == f"{base}unit/arl.ttl"
            assert b'"Academic and Research Libraries Section"@en' in answer.read()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        server.stdout.close()
    command = [str(binary / "unitgraph"), "query", "first-round", "--format", "csv"]
    done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=True)
    assert "IFLA celebrates World Refugee Day" in done.stdout
    check = subprocess.run(
        [str(binary / "unitgraph"), "check"], cwd=empty, env=environment, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert not list(empty.iterdir())
