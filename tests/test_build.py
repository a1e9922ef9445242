"""Sources become a release or nothing does; a crash at any instant leaves the previous one served."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

from unitgraph import build, history
from unitgraph.build import Judged
from unitgraph.errors import Refused, ReleaseError, SourceError, UsageError
from unitgraph.release import CURRENT, Release, current, open_release

TINY = ROOT / "tests" / "tiny"


@pytest.fixture(scope="module")
def judged_tiny() -> Judged:
    return build.judge(TINY)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tiny world in a folder that a test may change."""
    return Path(shutil.copytree(TINY, tmp_path / "sources"))


def change(copy: Path, label: str) -> Judged:
    """The tiny world with one label more."""
    path = sorted((copy / "data" / "unit").glob("*.ttl"))[0]
    text = path.read_text("utf-8")
    at = text.index("skos:prefLabel")
    path.write_text(f'{text[:at]}skos:altLabel "{label}"@en ;\n    {text[at:]}', "utf-8")
    return build.judge(copy)


def test_two_builds_in_two_folders_give_the_same_bytes_and_digests(tmp_path: Path, copy: Path) -> None:
    one = build.build(build.judge(TINY), tmp_path / "one", base="https://example.net/a")
    two = build.build(build.judge(copy), tmp_path / "two", base="https://example.net/a")
    assert one.digest == two.digest
    assert one.manifest == two.manifest
    for name in ("data.nq", "data.nq.gz", "manifest.json"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()


def test_the_digests_are_plain_sha_256_of_the_files(tiny: Release) -> None:
    data = (tiny.folder / "data.nq").read_bytes()
    assert tiny.manifest.members[0].sha256 == hashlib.sha256(data).hexdigest()
    assert tiny.digest == hashlib.sha256((tiny.folder / "manifest.json").read_bytes()).hexdigest()


def test_a_copy_under_another_base_proves_that_it_says_the_same(
    tmp_path: Path, judged_tiny: Judged, tiny: Release
) -> None:
    moved = build.build(judged_tiny, tmp_path, base="http://localhost:8000")
    assert moved.manifest.content == tiny.manifest.content
    assert moved.digest != tiny.digest
    lines = b"\n".join(moved.lines())
    assert b"<http://localhost:8000/unit/" in lines
    assert b"<https://example.org/tiny/" not in lines
    assert not list(moved.problems())


def test_version_and_time_do_not_change_the_content_digest(tmp_path: Path, judged_tiny: Judged) -> None:
    first = build.build(judged_tiny, tmp_path, version="2026.02.1", issued="2026-02-01")
    second = build.build(judged_tiny, tmp_path, version="2026.02.2", issued="2026-02-01T12:00:00Z")
    assert first.manifest.content == second.manifest.content
    assert second.manifest.predecessor == first.digest
    assert not history.changes(first, second)


def test_a_version_never_gets_other_content(tmp_path: Path, judged_tiny: Judged, copy: Path) -> None:
    first = build.build(judged_tiny, tmp_path / "out")
    assert build.build(judged_tiny, tmp_path / "out").digest == first.digest
    with pytest.raises(ReleaseError, match="other content"):
        build.build(change(copy, "another"), tmp_path / "out")


def test_sources_with_a_violation_are_refused_and_nothing_is_written(tmp_path: Path, copy: Path) -> None:
    (copy / "data" / "unit" / "wrong.ttl").write_text(
        "<https://example.org/tiny/unit/wrong> a <urn:x> ; .\n<a", "utf-8"
    )
    judged = build.judge(copy)
    assert judged.faults
    with pytest.raises(Refused):
        build.build(judged, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"version": "1.0"}, "calendar version"),
        ({"version": "../../etc"}, "calendar version"),
        ({"issued": "yesterday"}, "no date"),
        ({"base": "localhost:8000"}, "no base"),
        ({"base": "http://a/b?c"}, "no base"),
    ],
)
def test_a_malformed_option_is_named(
    tmp_path: Path, judged_tiny: Judged, options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        build.build(judged_tiny, tmp_path, **options)


def test_use_rolls_back_and_forward(tmp_path: Path, judged_tiny: Judged, copy: Path) -> None:
    build.build(judged_tiny, tmp_path / "out", version="2026.02.1")
    build.build(change(copy, "later"), tmp_path / "out", version="2026.02.2", issued="2026-02-02")
    assert current(tmp_path / "out").version == "2026.02.2"
    build.use(tmp_path / "out", "2026.02.1")
    assert current(tmp_path / "out").version == "2026.02.1"
    with pytest.raises(ReleaseError, match=r"there are: 2026\.02\.1, 2026\.02\.2"):
        build.use(tmp_path / "out", "2026.02.3")


def test_changes_are_grouped_by_subject(tmp_path: Path, judged_tiny: Judged, copy: Path) -> None:
    old = build.build(judged_tiny, tmp_path / "out", version="2026.02.1")
    new = build.build(change(copy, "later"), tmp_path / "out", version="2026.02.2", issued="2026-02-02")
    subjects = {c.subject: c for c in history.changes(old, new)}
    assert all(c.kind == "updated" and c.added and not c.removed for c in subjects.values())
    assert any('"later"@en' in line for c in subjects.values() for line in c.added)
    back = history.changes(new, old)
    assert all(c.removed and not c.added for c in back)


def test_a_release_is_rebuilt_from_its_compact_record(tmp_path: Path, judged_tiny: Judged) -> None:
    release = build.build(judged_tiny, tmp_path)
    before = (release.folder / "data.nq").read_bytes()
    shutil.rmtree(release.folder / "store")
    (release.folder / "data.nq").unlink()
    again = build.use(tmp_path, release.version)
    assert (again.folder / "data.nq").read_bytes() == before
    assert len(again.store) == again.manifest.quads


def test_prune_keeps_the_current_release_whole_and_the_records_of_all(tmp_path: Path, judged_tiny: Judged) -> None:
    for number in (1, 2, 3):
        build.build(judged_tiny, tmp_path, version=f"2026.02.{number}", issued=f"2026-02-0{number}")
    build.use(tmp_path, "2026.02.1")
    assert build.prune(tmp_path, keep=1) > 0
    kept = {release.version: (release.folder / "store").exists() for release in history.releases(tmp_path)}
    assert kept == {"2026.02.1": True, "2026.02.2": False, "2026.02.3": True}
    assert all(not list(release.problems()) for release in history.releases(tmp_path))


@pytest.mark.parametrize("name", ["data.nq", "manifest.json"])
def test_verify_finds_a_changed_byte(tmp_path: Path, judged_tiny: Judged, name: str) -> None:
    release = build.build(judged_tiny, tmp_path)
    path = release.folder / name
    data = bytearray(path.read_bytes())
    at = data.index(b"0") if name == "manifest.json" else len(data) // 2
    data[at] = data[at] ^ 1
    path.write_bytes(bytes(data))
    try:
        assert list(open_release(release.folder).problems())
    except ReleaseError as error:
        assert "manifest" in str(error)


def test_a_withdrawn_thing_is_gone_from_all_releases_with_new_digests(
    tmp_path: Path, judged_tiny: Judged, copy: Path
) -> None:
    out = tmp_path / "out"
    iri = sorted(s for s in judged_tiny.sources.by_subject if "/project/" in s)[0]
    old = [build.build(judged_tiny, out, version="2026.02.1")]
    old.append(build.build(change(copy, "later"), out, version="2026.02.2", issued="2026-02-02"))
    withdrawal = build.withdraw(out, iri, "asked for by its owner", "2026-03-01T00:00:00Z")
    new = list(history.releases(out))
    assert [d[1] for d in withdrawal.digests] == [r.digest for r in old]
    assert [d[2] for d in withdrawal.digests] == [r.digest for r in new]
    assert new[1].manifest.predecessor == new[0].digest
    for release in new:
        assert not list(release.problems())
        assert f"<{iri}>".encode() not in b"\n".join(release.lines())
    with pytest.raises(SourceError, match="withdrawn on 2026-03-01"):
        build.build(judged_tiny, out, version="2026.02.3", issued="2026-02-03")
    with pytest.raises(ReleaseError, match="says anything of"):
        build.withdraw(out, iri, "again", "2026-03-02T00:00:00Z")


def test_what_an_earlier_release_said_is_gone_and_not_unknown(tmp_path: Path, judged_tiny: Judged, copy: Path) -> None:
    from unitgraph.errors import Gone

    out = tmp_path / "out"
    build.build(change(copy, "x"), out, version="2026.02.1")
    extra = copy / "data" / "source" / "extra.ttl"
    text = (
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix ug: <https://w3id.org/unitgraph/ns#> .\n"
        '<https://example.org/tiny/source/extra> a ug:Source ; skos:prefLabel "Extra"@en ;\n'
        "    ug:url <https://example.org/x> .\n"
    )
    extra.write_text(text, "utf-8")
    build.build(build.judge(copy), out, version="2026.02.2", issued="2026-02-02")
    extra.unlink()
    now = build.build(build.judge(copy), out, version="2026.02.3", issued="2026-02-03")
    with pytest.raises(Gone, match=r"last described in release 2026\.02\.2"):
        history.check_gone(out, now, "https://example.org/tiny/source/extra")
    history.check_gone(out, now, "https://example.org/tiny/source/never-was")


def test_a_build_killed_at_any_moment_leaves_the_previous_release_served(tmp_path: Path, judged_tiny: Judged) -> None:
    """`kill -9` at 60 random moments of writing and publishing; nothing is ever half there."""
    out = tmp_path / "out"
    started = time.monotonic()
    build.build(judged_tiny, out, version="2026.01.1")
    duration = time.monotonic() - started
    chance = random.Random(1)
    killed = 0
    for number in range(2, 62):
        before = current(out)
        pid = os.fork()
        if pid == 0:
            try:
                build.build(
                    judged_tiny,
                    out,
                    version=f"2026.01.{number}",
                    issued=f"2026-01-01T00:{number % 60:02}:{number // 60:02}Z",
                )
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, duration * 1.1))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        killed += os.WIFSIGNALED(status)
        after = current(out)
        assert after.version in (before.version, f"2026.01.{number}")
        assert not list(after.problems())
        assert len(after.store) == after.manifest.quads
    assert killed >= 30, "most builds should have been killed while they ran"
    final = build.build(judged_tiny, out, version="2026.02.1", issued="2026-02-01")
    assert current(out).digest == final.digest
    assert not [p.name for p in out.iterdir() if p.name.startswith((".building", ".replaced"))]


def test_the_command_killed_at_any_moment_can_be_run_again(tmp_path: Path) -> None:
    """The same from outside, with the whole command, imports and checks included."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "unitgraph.cli", "build", str(TINY), "--out", str(out)]
    started = time.monotonic()
    subprocess.run([*command, "--release", "2026.01.1"], check=True, capture_output=True)
    duration = time.monotonic() - started
    chance = random.Random(2)
    for number in range(2, 8):
        process = subprocess.Popen([*command, "--release", f"2026.01.{number}"], stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(duration * 0.3, duration * 1.1))
        process.kill()
        process.wait()
        assert not list(current(out).problems())
    subprocess.run([*command, "--release", "2026.02.1"], check=True, capture_output=True)
    assert (out / CURRENT).read_text("utf-8") == "2026.02.1\n"


# Withdrawal, repair and pruning hold after a kill, too -----------------------------------------------------


def three(judged: Judged, out: Path, **options: str) -> list[Release]:
    return [
        build.build(judged, out, version=f"2026.02.{number}", issued=f"2026-02-0{number}", **options)
        for number in (1, 2, 3)
    ]


def a_project(judged: Judged) -> str:
    return sorted(s for s in judged.sources.by_subject if "/project/" in s)[0]


def test_a_withdrawal_that_was_interrupted_is_finished_by_the_next_writer(
    tmp_path: Path, judged_tiny: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    iri = a_project(judged_tiny)
    three(judged_tiny, tmp_path / "whole")
    whole = build.withdraw(tmp_path / "whole", iri, "why", "2026-03-01T00:00:00Z")
    for kill_at in range(6):
        out = tmp_path / str(kill_at)
        three(judged_tiny, out)
        left = [kill_at]
        real = Path.rename

        def rename(path: Path, target: Path, left: list[int] = left, real: Callable[..., Path] = real) -> Path:
            if target.name.startswith((".replaced", "2026")):
                if not left[0]:
                    raise KeyboardInterrupt
                left[0] -= 1
            return real(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename)
            with pytest.raises(KeyboardInterrupt):
                build.withdraw(out, iri, "why", "2026-03-01T00:00:00Z")
        assert current(out).version == "2026.02.3"
        assert not list(current(out).problems())
        build.use(out, "2026.02.2")
        assert [r.digest for r in history.releases(out)] == [now for _, _, now in whole.digests]
        assert history.withdrawals(out) == (whole,)


def test_a_thing_is_withdrawn_from_releases_under_every_base(tmp_path: Path, judged_tiny: Judged) -> None:
    path = a_project(judged_tiny).removeprefix(judged_tiny.sources.base)
    build.build(judged_tiny, tmp_path, version="2026.02.1", base="http://a.example/")
    build.build(judged_tiny, tmp_path, version="2026.02.2", issued="2026-02-02", base="http://b.example/")
    withdrawal = build.withdraw(tmp_path, f"http://b.example/{path}", "why", "2026-03-01T00:00:00Z")
    assert withdrawal.iri == a_project(judged_tiny)
    assert not any(f"{path}>".encode() in line for r in history.releases(tmp_path) for line in r.lines())


def test_a_store_that_was_not_finished_is_not_taken_for_one(
    tmp_path: Path, judged_tiny: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = three(judged_tiny, tmp_path)[0]
    shutil.rmtree(release.folder / "store")

    def killed(folder: Path, data: bytes) -> None:
        folder.mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "_load", killed)
        with pytest.raises(KeyboardInterrupt):
            build.use(tmp_path, release.version)
    assert current(tmp_path).version == "2026.02.3"
    assert len(build.use(tmp_path, release.version).store) == release.manifest.quads


@pytest.mark.parametrize("name", ["data.nq", "data.nq.gz"])
def test_a_damaged_file_is_found_and_made_again_from_the_other(tmp_path: Path, judged_tiny: Judged, name: str) -> None:
    release = build.build(judged_tiny, tmp_path)
    before = (release.folder / name).read_bytes()
    (release.folder / name).write_bytes(b"damaged")
    assert list(open_release(release.folder).problems())
    build.rebuild(open_release(release.folder))
    assert (release.folder / name).read_bytes() == before
    assert not list(open_release(release.folder).problems())


def test_prune_keeps_all_where_there_are_fewer_than_it_may_keep(tmp_path: Path, judged_tiny: Judged) -> None:
    three(judged_tiny, tmp_path)
    assert build.prune(tmp_path, keep=4) == 0


def test_a_literal_that_begins_with_the_new_base_is_refused(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(UsageError, match="name IRIs under"):
        build.build(change(copy, "http://localhost:8000/ runs here"), tmp_path, base="http://localhost:8000")


def test_a_development_build_follows_the_date_of_the_catalogue(tmp_path: Path, judged_tiny: Judged) -> None:
    first = build.build(judged_tiny, tmp_path, development=True)
    second = build.build(judged_tiny, tmp_path, development=True, issued="2026-09-09")
    assert (second.issued, current(tmp_path).digest) == ("2026-09-09T00:00:00Z", second.digest)
    assert first.version != second.version


def test_what_is_not_a_folder_of_releases_is_told_in_a_sentence(tmp_path: Path) -> None:
    for command in (
        lambda out: build.use(out, "2026.01.1"),
        lambda out: build.withdraw(out, "https://example.org/a", "why", "2026-03-01T00:00:00Z"),
    ):
        with pytest.raises(ReleaseError, match="no release in"):
            command(tmp_path / "none")
