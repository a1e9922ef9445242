"""The web application: HTTP around the resources, and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, g, request

import unitgraph
from unitgraph.site import Publication
from unitgraph.web import languages, memento, problems, respond, routes
from unitgraph.web.cache import Bodies
from unitgraph.web.front import Front

MAX_BODY_FACTOR = 12  #: a character may take four bytes, each of them three characters in a form


def create_app(publication: Publication) -> Front:
    """The ASGI application that answers for what is published."""
    software = software_tag(Path(unitgraph.__file__).parent)
    return Front(publication, create_pages(publication, software), software)


def create_pages(publication: Publication, software: str) -> Flask:
    """The WSGI application behind it, which makes all pages and documents.

    The release is looked up once for each request, so a request sees one release from beginning to end.
    """
    app = Flask(__name__, static_folder="static", static_url_path="/static")
    limit = publication.settings.query_characters * MAX_BODY_FACTOR + 65_536
    app.config.update(MAX_CONTENT_LENGTH=limit, MAX_FORM_MEMORY_SIZE=limit, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    bodies, assets = Bodies(publication.settings.page_bytes // 2), _digests(Path(__file__).parent / "static")
    changed = software_time(Path(unitgraph.__file__).parent)
    languages.register(app)

    @app.before_request
    def look_up() -> None:
        g.software, g.software_time, g.bodies, g.assets = software, changed, bodies, assets
        g.version, current = request.environ.get("unitgraph.version"), publication.site()
        g.current = current
        g.site = (publication.at(g.version) if g.version else current).speaking(g.language)

    app.before_request(routes.refuse_strange_paths)
    app.before_request(respond.preflight)
    app.after_request(respond.keep_assets)
    app.after_request(respond.finish)
    app.after_request(memento.mark)
    problems.register(app)
    routes.register(app, publication)
    return app


def _digests(folder: Path) -> dict[str, str]:
    """What stands in the address of an asset, so that it can be kept for ever: the digest of its bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files}


SOFTWARE = {".html", ".css", ".js", ".py", ".po"}


def software_time(folder: Path) -> float:
    """When a file of the software was last changed, in seconds since 1970."""
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.suffix in SOFTWARE)


def software_tag(folder: Path) -> str:
    """Version of the software and digest of its files: a mended template or module gives every page a new ETag."""
    digest = hashlib.sha256(unitgraph.__version__.encode())
    for path in sorted(p for p in folder.rglob("*") if p.suffix in SOFTWARE):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
