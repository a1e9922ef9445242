"""SPARQL over a release, within limits: an embedded pool of disposable workers.

Read in this order: `limits` are what a query may take; `guard` looks at it before it runs; `wire` is what the
processes say to each other; a `worker` evaluates; `pool` is the client's end, an `Engine`; the `broker` owns the
workers.
"""

from unitgraph.engine.broker import Broker, isolate_network
from unitgraph.engine.guard import Outline, guard, outline
from unitgraph.engine.limits import Limit, Walls, limits
from unitgraph.engine.pool import AsyncStream, Engine, Stream

__all__ = [
    "AsyncStream",
    "Broker",
    "Engine",
    "Limit",
    "Outline",
    "Stream",
    "Walls",
    "guard",
    "isolate_network",
    "limits",
    "outline",
]
