"""What all tests use: the checkout, a release of its graph, a release of the tiny world."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import asgi
import engines
import histories
import pytest
from werkzeug.test import Client

from unitgraph import build
from unitgraph.build import Judged
from unitgraph.engine import Broker, Engine
from unitgraph.release import Release
from unitgraph.settings import Settings
from unitgraph.site import Publication, Site
from unitgraph.web import create_app

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
IN_CI = os.environ.get("CI") == "true"
ALL = bool(os.environ.get("UNITGRAPH_TEST_ALL"))
ENGINE = os.environ.get("UNITGRAPH_TEST_ENGINE", "")  #: oxigraph or virtuoso: the site's tests stand on that one


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="accept new output as expected")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: takes long, or the network; part of `make test-all` only")
    config.addinivalue_line("markers", "long: takes many seconds; runs first, so that no worker is left with it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The full matrices are run by `make test-all`; what an engine of others answers differently is listed."""
    for item in items:
        if reason := engines.DIFFERENCES.get(ENGINE, {}).get(item.nodeid.removeprefix("tests/")):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    if not ALL:
        left_out = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Continuous integration has everything the tests need, Java perhaps not: there a skipped test has failed."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and NO_JAVA not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have recorded under the name `summary`, wherever they ran."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            lines = [str(line) for name, line in report.user_properties if name == "summary"]
            if lines and report.when == "call":
                terminalreporter.section(report.nodeid)
                terminalreporter.write("\n".join(lines) + "\n")


NO_JAVA = "java is not installed"
needs_facts = pytest.mark.skipif(not (SHARED / "facts").is_dir(), reason="../shared/facts is not here")
needs_suites = pytest.mark.skipif(not (SHARED / "suites").is_dir(), reason="../shared/suites is not here")
needs_xmllint = pytest.mark.skipif(shutil.which("xmllint") is None, reason="xmllint (libxml2-utils) is not installed")
needs_rapper = pytest.mark.skipif(shutil.which("rapper") is None, reason="rapper (raptor2-utils) is not installed")
needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason=NO_JAVA)


@pytest.fixture(scope="session")
def judged() -> Judged:
    """The sources of the checkout, read and judged once."""
    return build.judge(ROOT)


@pytest.fixture(scope="session")
def release(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of the checkout under its canonical base."""
    return build.build(judged, tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of the tiny world."""
    return build.build(build.judge(ROOT / "tests" / "tiny"), tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def five(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, ...]:
    """Five releases of the tiny world in one folder, oldest first; the last one is published."""
    return histories.five(tmp_path_factory.mktemp("five"))


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings | None]:
    """The engine of others that all tests of this run stand on, if one is asked for; commands find it too."""
    if not ENGINE:
        yield None
        return
    with engines.running(ENGINE, tmp_path_factory.mktemp(ENGINE)) as chosen, pytest.MonkeyPatch.context() as patch:
        for name, value in engines.variables(chosen).items():
            patch.setenv(name, value)
        yield chosen


@pytest.fixture(scope="session")
def engine(elsewhere: Settings | None) -> Iterator[Engine]:
    """The query engine, with short limits."""
    if elsewhere:
        yield engines.LoadingEngine(elsewhere)
        return
    with Broker(Settings(query_seconds=20)) as running:
        yield running


@pytest.fixture(scope="session")
def site(release: Release, engine: Engine) -> Site:
    """The release of the checkout as a site; its base has a path, its server stands elsewhere."""
    return Site(release.folder.parent, release, engine, engine.settings)


@pytest.fixture(scope="session")
def client(site: Site) -> Client:
    """A client of the site."""
    return asgi.client(create_app(Publication(site.out, site.engine, site.settings)))


@pytest.fixture
def update_snapshots(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-snapshots"))
