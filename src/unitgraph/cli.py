"""The command line: arguments in, functions called, text out.

What a command needs is imported when it runs, so that `serve` stays free of rdflib and pyshacl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitgraph import __version__
from unitgraph.errors import EngineError, Refused, SourceError, UnitgraphError, UsageError
from unitgraph.settings import Settings, from_environment

if TYPE_CHECKING:
    from unitgraph.checks import Result
    from unitgraph.engine import Walls
    from unitgraph.release import Release

Arguments = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, 1 for anything refused or not found, 2 for wrong use.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 2
    try:
        return int(arguments.run(arguments) or 0)
    except UsageError as error:
        print(f"unitgraph: {error}", file=sys.stderr)
        return 2
    except UnitgraphError as error:
        if getattr(arguments, "json", False):
            print(json.dumps({"error": str(error)}))
        else:
            print(f"unitgraph: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"unitgraph: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
            return 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


# check ---------------------------------------------------------------------------------------------------------


def check(arguments: Arguments) -> int:
    """Name every fault and finding with its file and line."""
    from unitgraph import build

    started = time.monotonic()
    paths = [Path(text) for text in arguments.paths]
    if missing := next((path for path in paths if not path.exists()), None):
        raise UsageError(f"{missing} does not exist")
    if paths and not all(path.is_dir() for path in paths):
        faults = [fault for path in paths for fault in _file_faults(path)]
        return _report_check(arguments, faults, [], set(), started)
    if len(paths) > 1:
        raise UsageError("check one folder, or files")
    root = _root(paths[0] if paths else None)
    with _progress(arguments, 3) as progress:
        judged = build.judge(root, progress)
    results = list(judged.report.results)
    faults = list(judged.faults)
    known = _known(root, results)
    if arguments.changed:
        changed = _changed(root)
        faults = [fault for fault in faults if fault.path in changed]
        results = [result for result in results if result.path in changed]
    return _report_check(arguments, faults, results, known, started)


def _file_faults(path: Path) -> list[SourceError]:
    """The faults of a lone file: a query, or a source; shapes may have blank nodes, wherever the folder is."""
    from unitgraph import queries, sources

    if path.suffix == ".rq":
        return list(queries.file_faults(path, str(path)))
    return sources.read_file(path, str(path), blank_nodes="shapes" in path.resolve().parts)[1]


def _report_check(
    arguments: Arguments, faults: list[SourceError], results: list[Result], known: set[str], started: float
) -> int:
    violations = sum(result.severity == "Violation" for result in results)
    refused = bool(faults or violations)
    if arguments.json:
        rows = [{"path": f.path, "line": f.line, "severity": "Fault", "message": f.message} for f in faults]
        rows += [{**vars(r), "new": r.key not in known} for r in results]
        print(json.dumps({"conforms": not refused, "results": rows}, indent=2, ensure_ascii=False))
        return int(refused)
    for fault in faults:
        print(fault)
    fresh = [result for result in results if result.key not in known]
    old = [result for result in results if result.key in known]
    for result in fresh:
        print(f"{result}{'  [new]' if old else ''}")
    shown = [result for result in old if result.severity != "Info" or arguments.all]
    for result in shown:
        print(result)
    if hidden := len(old) - len(shown):
        print(f"{hidden} known findings of severity Info are not shown; --all shows them")
    counts = ", ".join(f"{n} {what}" for n, what in _counts(faults, results))
    print(f"{'refused' if refused else 'good'}: {counts}; {time.monotonic() - started:.1f} s")
    return int(refused)


def _counts(faults: list[SourceError], results: list[Result]) -> list[tuple[int, str]]:
    counts = [(len(faults), "fault" if len(faults) == 1 else "faults")]
    for severity in ("Violation", "Warning", "Info"):
        counts.append((sum(result.severity == severity for result in results), severity))
    return counts


def _known(root: Path, results: list[Result]) -> set[str]:
    """The findings of the last commit: kept by the last check of an unchanged checkout.

    Where there is no git, or no such check yet, everything counts as known.
    """
    path = _development_folder(root, "findings") / "known.json"
    try:
        unchanged = not _changed(root)
    except UsageError:
        unchanged = True
    if unchanged:
        path.write_text(json.dumps(sorted(result.key for result in results)), "utf-8")
    try:
        return set(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return {result.key for result in results}


def _changed(root: Path) -> set[str]:
    """The files that differ from the last commit, untracked ones included, relative to the root."""
    folders = ("ontology", "shapes", "data", "queries")
    commands = (
        ["diff", "--name-only", "--relative", "HEAD", "--", *folders],
        ["ls-files", "--others", "--exclude-standard", "--", *folders],
    )
    found: set[str] = set()
    for command in commands:
        try:
            done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
        except OSError as error:
            raise UsageError(f"--changed needs git, which cannot be run ({error.strerror})") from error
        if done.returncode:
            raise UsageError(f"--changed needs a git checkout: {done.stderr.strip().split(chr(10))[0]}")
        found |= set(done.stdout.splitlines())
    return found


# build, use, diff, verify, withdraw ------------------------------------------------------------------------------


def build_release(arguments: Arguments) -> int:
    """Check the sources and write a release."""
    from unitgraph import build

    root = _root(arguments.dir)
    with _progress(arguments, 5) as progress:
        judged = build.judge(root, progress)
        if not judged.refusals:
            release = build.build(
                judged,
                Path(arguments.out),
                base=arguments.base,
                version=arguments.release,
                issued=arguments.date,
                progress=progress,
                before_switch=lambda release: _into_engine(release, _settings(arguments)),
            )
    if judged.refusals:
        for line in (*judged.faults, *(r for r in judged.report.results if r.severity == "Violation")):
            print(line, file=sys.stderr)
        raise Refused(judged.refusals)
    _say_release(arguments, release, f"built in {release.folder}")
    return 0


def use(arguments: Arguments) -> int:
    """Make a release the current one: forward, or back."""
    from unitgraph import build

    settings = _settings(arguments)
    release = build.use(Path(arguments.out), arguments.version, lambda release: _into_engine(release, settings))
    _say_release(arguments, release, "is current")
    return 0


def load(arguments: Arguments) -> int:
    """Put a release into the engine that UNITGRAPH_ENGINE names, or take it out."""
    from unitgraph import history
    from unitgraph import load as loading
    from unitgraph.release import current

    settings, out = _settings(arguments), Path(arguments.out)
    if not settings.engine:
        raise UsageError("no engine is named; set UNITGRAPH_ENGINE to its query endpoint")
    release = history.find(out, arguments.version) if arguments.version else current(out)
    if arguments.drop:
        if not arguments.version or release.version == _current_name(out):
            raise UsageError("--drop takes the VERSION of a release that is not the current one")
        count = loading.drop(release.digest, settings)
        said: dict[str, Any] = {"version": release.version, "dropped": count}
        text = f"release {release.version} is out of the engine: {count} graphs dropped"
    else:
        with _bar(arguments) as progress:
            done = loading.load(release, settings, progress)
        said = vars(done)
        text = f"release {done.version} is in the engine: {done.triples:,} triples counted, {done.sent:,} sent"
    print(json.dumps(said, indent=2) if arguments.json else text)
    return 0


def _into_engine(release: Release, settings: Settings) -> None:
    """Load a release, where there is an engine elsewhere and it does not hold it yet."""
    if settings.engine:
        from unitgraph import load as loading

        if not loading.is_loaded(release.digest, settings):
            loading.load(release, settings)


def diff(arguments: Arguments) -> int:
    """Show the changes between two releases, by subject."""
    from unitgraph import history

    out = Path(arguments.out)
    found = history.changes(history.find(out, arguments.a), history.find(out, arguments.b))
    if arguments.json:
        print(json.dumps([vars(change) for change in found], indent=2, ensure_ascii=False))
        return 0
    marks = {"created": "+", "removed": "-", "updated": "~"}
    for change in found:
        print(f"{marks[change.kind]} {change.subject}")
        for line in change.removed:
            print(f"    - {' '.join(history.parse_statement(line)[1:])}")
        for line in change.added:
            print(f"    + {' '.join(history.parse_statement(line)[1:])}")
    counts = {kind: sum(change.kind == kind for change in found) for kind in marks}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return 0


def verify(arguments: Arguments) -> int:
    """Recompute digests, sizes and counts of a release, or of all of them."""
    from unitgraph import build, changes, history

    out = Path(arguments.out)
    releases = [history.find(out, arguments.version)] if arguments.version else list(history.releases(out))
    if not releases:
        raise UsageError(f"no release in {out}; run `unitgraph build --out {out}`")
    rows: list[dict[str, Any]] = []
    for release in releases:
        if arguments.repair:
            build.rebuild(release)
        problems = [*release.problems(), *changes.problems(release, history.chain(release))]
        rows.append({"version": release.version, "digest": release.digest, "problems": problems})
        if not arguments.json:
            print(f"{release.version}: {'good' if not problems else 'damaged'}, sha256 {release.digest}")
            for problem in problems:
                print(f"    {problem}")
    if arguments.json:
        print(json.dumps(rows, indent=2))
    return int(any(row["problems"] for row in rows))


def withdraw(arguments: Arguments) -> int:
    """Take a thing back from every release, and record why."""
    from unitgraph import build

    if not arguments.why.strip():
        raise UsageError("--why is what readers of the page will see; give a reason")

    out = Path(arguments.out)
    when = (
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if arguments.date is None
        else build.normalised_time(arguments.date)
    )
    withdrawal = build.withdraw(out, arguments.iri, arguments.why, when)
    _withdraw_from_engine(out, withdrawal.digests, _settings(arguments))
    if arguments.json:
        print(json.dumps(vars(withdrawal), indent=2))
        return 0
    for version, was, now in withdrawal.digests:
        print(f"{version}: was sha256 {was}, is now {now}")
    print(f"{withdrawal.iri} is gone from {len(withdrawal.digests)} releases; delete its source file too")
    return 0


def _withdraw_from_engine(out: Path, digests: Sequence[tuple[str, str, str]], settings: Settings) -> None:
    """What was withdrawn leaves the engine at once; the releases it held are loaded as they are now."""
    if not settings.engine:
        return
    from unitgraph import history
    from unitgraph import load as loading

    for version, was, _ in digests:
        is_loaded = loading.is_loaded(was, settings)
        loading.drop(was, settings)
        if is_loaded:
            loading.load(history.find(out, version), settings)


def prune(arguments: Arguments) -> int:
    """Drop what can be made again from the releases that are not current."""
    from unitgraph import build

    if arguments.keep < 0:
        raise UsageError("--keep takes 0 or more")
    freed = build.prune(Path(arguments.out), arguments.keep)
    print(f"{freed:,} bytes freed; `unitgraph use VERSION` makes the files of a release again")
    return 0


def _say_release(arguments: Arguments, release: Release, what: str) -> None:
    manifest = release.manifest
    if arguments.json:
        value = {"version": manifest.version, "folder": str(release.folder), "content": manifest.content}
        print(
            json.dumps({**value, "release": release.digest, "quads": manifest.quads, "base": manifest.base}, indent=2)
        )
    else:
        print(f"release {manifest.version} {what}: {manifest.quads} quads, base {manifest.base}")
        print(f"content sha256 {manifest.content}")
        print(f"release sha256 {release.digest}")


# serve -----------------------------------------------------------------------------------------------------------


def serve(arguments: Arguments) -> int:
    """Serve a checkout (and follow its edits), a folder of releases (and follow its `CURRENT`), or any RDF files."""
    from unitgraph.engine.remote import make_engine
    from unitgraph.release import CURRENT, current
    from unitgraph.web.server import Server

    settings = _settings(arguments)
    if arguments.rdf and arguments.dir:
        raise UsageError("serve a folder, or --rdf FILE…, not both")
    if arguments.rdf and settings.engine:
        raise UsageError("--rdf files are asked here, not in an engine elsewhere; unset UNITGRAPH_ENGINE")
    if arguments.rdf:
        from unitgraph import rdf

        rdf.files(arguments.rdf)  # what cannot be meant is told before the port is taken
    listener = _listen(settings)
    port = listener.getsockname()[1]
    folder = Path(arguments.dir) if arguments.dir else None
    follower: subprocess.Popen[bytes] | None = None
    if arguments.rdf:
        base = _own_base(settings, port)
        out = _rdf_folder(arguments.rdf, base)
        command = [sys.executable, "-m", "unitgraph.cli", "develop", "--out", str(out), "--base", base, "--rdf"]
        code = subprocess.run([*command, *arguments.rdf], check=False).returncode  # noqa: S603  our own module
        if code:
            ended = f"unitgraph: loading was ended by signal {-code}; is there enough memory and disk?"
            print(ended, file=sys.stderr) if code < 0 else None
            return 1
    elif folder and (folder / CURRENT).exists() and not (folder / "ontology").is_dir():
        out, published = folder, current(folder)
        base = published.base
        if not published.complete:
            command = [sys.executable, "-m", "unitgraph.cli", "use", published.version, "--out", str(out)]
            subprocess.run(command, check=True)  # noqa: S603  our own module, apart, since a store has threads
    else:
        root = _root(folder)
        base = _own_base(settings, port)
        out = _development_folder(root, base)
        seen = _fingerprint(root)  # before the build reads the files: an edit while it builds is followed, too
        _first_build(root, out, base)
        follower = _follow(root, out, base, seen)
    try:
        try:
            _into_engine(current(out), settings)
        except (EngineError, UsageError) as error:
            print(f"{error}; until then what needs the engine is answered 503", file=sys.stderr, flush=True)
        with make_engine(settings) as engine:
            _say_walls(engine.walls(), settings)
            Server(listener, out, engine, settings, base).run()
    finally:
        if follower is not None:
            follower.terminate()
            follower.wait()
    return 0


def _say_walls(walls: Walls | None, settings: Settings) -> None:
    """Name the walls that this system does not offer.

    Raises:
        UsageError: there are such, and they are required.
    """
    missing = walls.missing if walls else ()
    if missing and settings.require_isolation:
        raise UsageError(f"--require-isolation, but here is {'; '.join(missing)}")
    for sentence in missing:
        print(f"unitgraph: {sentence}", file=sys.stderr, flush=True)


def _own_base(settings: Settings, port: int) -> str:
    """The base that was asked for, or the address that is served."""
    from unitgraph.build import normalised_base

    named = "localhost" if settings.host in ("127.0.0.1", "::1", "localhost") else settings.host
    return normalised_base(settings.base or f"http://{named}:{port}/")


def _listen(settings: Settings) -> socket.socket:
    """The listening socket, taken before the long work, so that a port in use is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {settings.host}:{settings.port} ({error}); choose another --port"
        ) from error
    listener.listen(512)
    listener.set_inheritable(True)
    return listener


def _first_build(root: Path, out: Path, base: str) -> None:
    """Build in a process of its own. With faults, an earlier release is served until they are mended."""
    from unitgraph.release import CURRENT

    done = subprocess.run(_development_command(root, out, base), check=False)  # noqa: S603  our own module
    if done.returncode:
        if not (out / CURRENT).exists():
            raise Refused(1)
        print("serving the last good build until this is mended", file=sys.stderr, flush=True)


def _follow(root: Path, out: Path, base: str, seen: str) -> subprocess.Popen[bytes]:
    """Rebuild after edits, in a process of its own."""
    command = [*_development_command(root, out, base), "--follow", str(os.getpid()), "--seen", seen]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  our own module


def _development_command(root: Path, out: Path, base: str) -> list[str]:
    return [sys.executable, "-m", "unitgraph.cli", "develop", str(root), "--out", str(out), "--base", base]


def develop(arguments: Arguments) -> int:
    """Build a checkout into a private folder, once or after every edit while a server runs; or load RDF files."""
    if arguments.rdf:
        return _load_rdf(arguments)
    root, out, base = Path(arguments.dir), Path(arguments.out), arguments.base
    if not arguments.follow:
        _develop_once(arguments, root, out, base)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    seen = arguments.seen
    while os.getppid() == arguments.follow:
        time.sleep(0.5)
        now = _fingerprint(root)
        if now == seen:
            continue
        seen = now
        try:
            release = _develop_once(arguments, root, out, base)
            print(f"now serving {release.version}", file=sys.stderr, flush=True)
        except Exception as error:  # whatever an edit brings about, the next one is followed
            print(f"{error}; the last good build is still served", file=sys.stderr, flush=True)
    return 0


def _load_rdf(arguments: Arguments) -> int:
    from unitgraph import rdf

    files = rdf.files(arguments.rdf)
    with _progress(arguments, len(files)) as progress:
        release = rdf.publish(
            files, Path(arguments.out), arguments.base, lambda fault: print(fault, file=sys.stderr), progress
        )
    noun = "file" if len(files) == 1 else "files"
    print(f"{release.manifest.quads:,} statements from {len(files):,} {noun}", file=sys.stderr)
    return 0


def _develop_once(arguments: Arguments, root: Path, out: Path, base: str) -> Release:
    """The development release of a checkout; read again only where something changed."""
    from unitgraph.errors import ReleaseError
    from unitgraph.release import current

    mark = out / ".fingerprint"
    fingerprint = _fingerprint(root)
    if mark.exists() and mark.read_text("utf-8") == fingerprint:
        try:
            return current(out)
        except ReleaseError:
            mark.unlink()
    from unitgraph import build

    with _progress(arguments, 5) as progress:
        judged = build.judge(root, progress)
        if not judged.refusals:
            before, settings = _current_name(out), from_environment(os.environ)
            release = build.build(
                judged,
                out,
                base=base,
                development=True,
                progress=progress,
                before_switch=lambda release: _into_engine(release, settings),
            )
            mark.write_text(fingerprint, "utf-8")
            _drop_old(out, {before, release.version}, settings)
    if judged.refusals:
        for line in (*judged.faults, *(r for r in judged.report.results if r.severity == "Violation")):
            print(line, file=sys.stderr)
        raise Refused(judged.refusals)
    return release


def _current_name(out: Path) -> str:
    try:
        return (out / "CURRENT").read_text("utf-8").strip()
    except OSError:
        return ""


def _drop_old(out: Path, kept: set[str], settings: Settings) -> None:
    """Development builds are for now only: keep the served one and the one before."""
    import shutil

    from unitgraph.release import open_release

    for folder in out.glob("*+dev.*"):
        if folder.name not in kept:
            if settings.engine:
                from unitgraph import load as loading

                loading.drop(open_release(folder).digest, settings)
            shutil.rmtree(folder, ignore_errors=True)


def _fingerprint(root: Path) -> str:
    """What changes when a source file, or this software, changes."""
    digest = hashlib.sha256(__version__.encode())
    package = Path(__file__).parent
    places = [(root / name, "**/*") for name in ("ontology", "shapes", "data", "queries")]
    for folder, pattern in (*places, (package, "*.py")):
        for path in sorted(folder.glob(pattern)):
            try:
                stat = path.stat()
            except OSError:
                continue
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _development_folder(root: Path, base: str) -> Path:
    return _cache_folder(root.resolve().name, str(root.resolve()), base)


def _rdf_folder(paths: Sequence[str], base: str) -> Path:
    return _cache_folder("rdf", *sorted(os.path.abspath(path) for path in paths), base)  # noqa: PTH100  links stay


def _cache_folder(name: str, *key: str) -> Path:
    digest = hashlib.sha256("\0".join(key).encode(errors="surrogateescape")).hexdigest()[:16]
    folder = from_environment(os.environ).cache / f"{name}-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder} ({error.strerror}); set UNITGRAPH_CACHE") from error
    return folder


# query -----------------------------------------------------------------------------------------------------------


def query(arguments: Arguments) -> int:
    """Ask the local release, or an endpoint."""
    from unitgraph import ask

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine hears nothing else while it evaluates
    root = _root(None)
    if arguments.query is None:
        sys.stdout.buffer.write(ask.listing(root))
        return 0
    saved = ask.find(arguments.query, root)
    values = dict(_pair(text) for text in arguments.param)
    if arguments.endpoint:
        text = ask.remote(arguments.endpoint, saved, values, arguments.format)
    else:
        release = _local_release(root, arguments.base or "")
        text = ask.local(release, saved, values, arguments.format)
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
    return 0


def _local_release(root: Path, base: str) -> Release:
    from unitgraph import sources

    base = base or sources.read_base(root)
    out = _development_folder(root, base)
    quiet = argparse.Namespace(json=True)
    return _develop_once(quiet, root, out, base)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"write --param name=value, not {text!r}")
    return name, value


# new -------------------------------------------------------------------------------------------------------------


def new(arguments: Arguments) -> int:
    """Write a skeleton file for a new thing."""
    from unitgraph import skeleton, sources

    root = sources.find_root(Path.cwd())
    path = skeleton.write(root, arguments.kind, arguments.name)
    print(f"{path} written; fill in what is marked … and run `unitgraph check`")
    return 0


def fmt(arguments: Arguments) -> int:
    """Bring Turtle files into one form; comments stay."""
    from unitgraph import turtle

    paths = [Path(text) for text in arguments.paths] or sorted((_root(None) / "data").rglob("*.ttl"))
    changed = 0
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is no file")
        before = path.read_text("utf-8")
        after = turtle.formatted(before)
        if after != before:
            changed += 1
            if arguments.check:
                print(f"{path}: not in the one form; run `unitgraph fmt {path}`")
            else:
                path.write_text(after, "utf-8")
    print(f"{changed} of {len(paths)} files {'would change' if arguments.check else 'changed'}")
    return int(bool(changed and arguments.check))


# shared ------------------------------------------------------------------------------------------------------------


def _root(folder: str | Path | None) -> Path:
    """The folder of sources that is meant: the one named, the current one, or the packaged one."""
    from unitgraph import sources

    if folder:
        return sources.find_root(Path(folder))
    here = Path.cwd()
    if all((here / name).is_dir() for name in sources.FOLDERS):
        return here
    return sources.packaged_root()


def _settings(arguments: Arguments) -> Settings:
    names = ("base", "host", "port", "workers", "require_isolation")
    return from_environment(os.environ, **{name: getattr(arguments, name, None) for name in names})


@contextmanager
def _progress(arguments: Arguments, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal; nothing where a program reads."""
    if getattr(arguments, "json", False) or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<20}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=steps)

        def step(what: str) -> None:
            bar.update(task, advance=1, description=what)

        yield step


def _listed(variable: str) -> list[str]:
    """The paths that a variable of the environment names, separated as in PATH."""
    return [path for path in os.environ.get(variable, "").split(os.pathsep) if path]


@contextmanager
def _bar(arguments: Arguments) -> Iterator[Callable[[str, int, int], None]]:
    """A bar that knows its length, on a terminal; nothing where a program reads."""
    if arguments.json or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="unitgraph", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--version", action="version", version=f"unitgraph {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, run: Callable[[Arguments], int]) -> argparse.ArgumentParser:
        summary = (run.__doc__ or "").splitlines()[0]
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    def option(sub: argparse.ArgumentParser, name: str, what: str, default: Any = None, **more: Any) -> None:
        variable = f"UNITGRAPH_{name.upper()}"
        shown = f"{what} (default: {more.pop('shown', default)}; {variable})"
        sub.add_argument(f"--{name}", default=os.environ.get(variable) or default, help=shown, **more)

    def as_json(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--json", action="store_true", help="output for programs")

    sub = command("check", check)
    sub.add_argument("paths", nargs="*", metavar="DIR or FILE", help="a folder of sources, or files (default: here)")
    sub.add_argument("--changed", action="store_true", help="only what differs from the last commit")
    sub.add_argument("--all", action="store_true", help="show known findings of severity Info too")
    as_json(sub)

    sub = command("build", build_release)
    sub.add_argument("dir", nargs="?", metavar="DIR", help="a folder of sources (default: here)")
    option(sub, "out", "folder of releases", "releases")
    option(sub, "release", "calendar version", shown="the catalogue's", metavar="VERSION")
    option(sub, "date", "YYYY-MM-DD, or a time in UTC", shown="the catalogue's")
    option(sub, "base", "IRI under which the things live", shown="the canonical base", metavar="IRI")
    as_json(sub)

    sub = command("serve", serve)
    sub.add_argument("dir", nargs="?", metavar="DIR", help="a folder of sources or of releases (default: here)")
    what = (
        "RDF files to serve as they are, in any format, also compressed (.gz), instead of DIR; edits are not followed"
    )
    sub.add_argument(
        "--rdf", nargs="+", metavar="FILE", default=_listed("UNITGRAPH_RDF"), help=f"{what} (UNITGRAPH_RDF)"
    )
    option(sub, "host", "address to listen on", shown=Settings.host)
    option(sub, "port", "port to listen on, 0 for a free one", shown=Settings.port, type=int)
    option(sub, "base", "IRI under which the things live", shown="the address served", metavar="IRI")
    option(sub, "workers", "web processes", shown=Settings.workers, type=int, metavar="N")
    what = "do not start where the system cannot keep queries in (UNITGRAPH_REQUIRE_ISOLATION)"
    sub.add_argument("--require-isolation", action="store_true", default=None, help=what)

    sub = command("query", query)
    what = "a saved query, a file, SPARQL, or standard input (default: list the saved queries)"
    sub.add_argument("query", nargs="?", metavar="NAME or FILE or TEXT or -", help=what)
    option(sub, "endpoint", "SPARQL endpoint to ask", shown="the local release", metavar="URL")
    option(sub, "format", "table, csv, tsv, json, xml, turtle, ntriples, jsonld or rdfxml", shown="table")
    option(sub, "base", "IRI under which the things live", shown="the canonical base", metavar="IRI")
    sub.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="value of a parameter")

    sub = command("diff", diff)
    sub.add_argument("a", metavar="A")
    sub.add_argument("b", metavar="B")
    option(sub, "out", "folder of releases", "releases")
    as_json(sub)

    sub = command("use", use)
    sub.add_argument("version", metavar="VERSION")
    option(sub, "out", "folder of releases", "releases")
    as_json(sub)

    sub = command("load", load)
    sub.add_argument("version", nargs="?", metavar="VERSION", help="a release (default: the current one)")
    option(sub, "out", "folder of releases", "releases")
    sub.add_argument("--drop", action="store_true", help="take it out of the engine instead")
    as_json(sub)

    sub = command("verify", verify)
    sub.add_argument("version", nargs="?", metavar="VERSION", help="one release (default: all)")
    option(sub, "out", "folder of releases", "releases")
    sub.add_argument("--repair", action="store_true", help="make derived files again from the compact record")
    as_json(sub)

    sub = command("new", new)
    sub.add_argument("kind", choices=("unit", "project", "story", "organisation", "source"), metavar="KIND")
    sub.add_argument("name", metavar="SLUG or URL", help="the new thing's slug; for a source, its address")

    sub = command("fmt", fmt)
    sub.add_argument("paths", nargs="*", metavar="FILE", help="Turtle files (default: all of data/)")
    sub.add_argument("--check", action="store_true", help="change nothing; exit 1 if something would change")

    sub = command("withdraw", withdraw)
    sub.add_argument("iri", metavar="IRI")
    sub.add_argument("--why", required=True, help="the reason, as readers of the page will see it")
    option(sub, "out", "folder of releases", "releases")
    option(sub, "date", "when, YYYY-MM-DD or a time in UTC", shown="now")
    as_json(sub)

    sub = command("prune", prune)
    option(sub, "out", "folder of releases", "releases")
    option(sub, "keep", "newest releases that stay whole, besides the current one", 1, type=int, metavar="N")

    sub = commands.add_parser("develop")
    sub.set_defaults(run=develop)
    sub.add_argument("dir", nargs="?")
    sub.add_argument("--rdf", nargs="+")
    sub.add_argument("--out", required=True)
    sub.add_argument("--base", required=True)
    sub.add_argument("--follow", type=int, metavar="PID")
    sub.add_argument("--seen")
    return parser


if __name__ == "__main__":
    sys.exit(main())
