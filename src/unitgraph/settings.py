"""What the operator chooses: one frozen value, from `UNITGRAPH_…` variables and options.

What the public should see (title, licence, base) is RDF in `data/catalog.ttl`; there is no third place.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from unitgraph.errors import UsageError


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~").expanduser() / ".cache")
    folder = Path(home) / "unitgraph"
    parent = next((p for p in folder.parents if p.exists()), Path("/"))
    return folder if os.access(parent, os.W_OK) else Path(tempfile.gettempdir()) / f"unitgraph-{os.getuid()}"


@dataclass(frozen=True)
class Settings:
    """The operator's choices; each field is `UNITGRAPH_<FIELD>` in the environment."""

    base: str = ""  #: where the things live; empty: the canonical base, or the served address
    public_url: str = ""  #: where links point; empty: the base
    host: str = "127.0.0.1"  #: address to listen on
    port: int = 8000  #: port to listen on; 0 takes a free one
    workers: int = 2  #: web processes
    threads: int = 64  #: pages that a web process makes at the same time
    page_bytes: int = 64 << 20  #: memory of a web process for pages that were made already; 0 keeps none
    trusted_proxies: str = ""  #: addresses or networks of our own proxies, with commas; they say who asks
    contact: str = ""  #: an e-mail or web address for questions, shown on every page
    cache: Path = field(default_factory=_cache)  #: folder for development builds
    query_seconds: float = 30.0  #: time limit of a query, parsing and planning included
    query_memory_bytes: int = 1 << 30  #: memory of one query
    query_characters: int = 65_536  #: length of a query
    query_depth: int = 64  #: nesting depth of a query
    query_result_bytes: int = 1 << 30  #: size of one query's answer
    query_workers: int = 4  #: queries evaluated at the same time, apart from long ones
    require_isolation: bool = False  #: do not start where the system cannot keep queries in
    concurrent_queries: int = 16  #: long queries evaluated at the same time
    concurrent_queries_per_client: int = 4  #: and of one client
    engine: str = ""  #: SPARQL query endpoint of an engine elsewhere; empty: worker processes of our own
    engine_graph_store: str = ""  #: its Graph Store Protocol address, by which `load` writes
    engine_update: str = ""  #: its update endpoint, by which `load` writes where there is no graph store
    engine_user: str = field(default="", repr=False)  #: name for basic or digest authentication; never shown
    engine_password: str = field(default="", repr=False)  #: password for it; never shown


def _value(kind: Any, text: str) -> Any:
    """A setting's value in its type; of a truth, `0`, `no` and `false` say no."""
    return text.lower() not in ("0", "no", "false") if kind is bool else kind(text)


def from_environment(environment: Mapping[str, str], **options: Any) -> Settings:
    """Settings from `UNITGRAPH_…` variables; an option that is not None wins.

    Raises:
        UsageError: a value that is not of its field's type.

    >>> from_environment({"UNITGRAPH_PORT": "8080"}).port
    8080
    """
    types = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for choice in fields(Settings):
        name = f"UNITGRAPH_{choice.name.upper()}"
        if options.get(choice.name) is not None:
            values[choice.name] = options[choice.name]
        elif environment.get(name):
            try:
                values[choice.name] = _value(types[choice.name], environment[name])
            except ValueError as error:
                raise UsageError(f"{name}={environment[name]!r} is no {types[choice.name].__name__}") from error
    for name in ("workers", "threads", "query_workers"):
        if values.get(name, 1) < 1:
            raise UsageError(f"{name} is 1 or more, not {values[name]}")
    for name in ("engine", "engine_graph_store", "engine_update"):
        address = values.get(name, "http://a/")
        if not re.match(r"https?://[^/?#@\s]+([/?]|$)", address):
            variable = f"UNITGRAPH_{name.upper()}"
            message = f"{variable} is no http(s) address without a name in it; those go into UNITGRAPH_ENGINE_USER"
            raise UsageError(f"{message} and UNITGRAPH_ENGINE_PASSWORD")
    return Settings(**values)
