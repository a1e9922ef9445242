"""What a query may take, and which walls stand around it.

Said in the description of the service, in `/status`, and in every refusal.
"""

from __future__ import annotations

from dataclasses import dataclass

from unitgraph.settings import Settings


@dataclass(frozen=True)
class Limit:
    """A limit: its name for programs, what it is, the value, and the unit by its UN/CEFACT code (C62 counts)."""

    name: str
    label: str
    value: float
    unit: str


def limits(settings: Settings) -> tuple[Limit, ...]:
    """Every limit of a query.

    >>> limits(Settings())[0]
    Limit(name='querySeconds', label='time for one query', value=30.0, unit='SEC')
    """
    return (
        Limit("querySeconds", "time for one query", settings.query_seconds, "SEC"),
        Limit("queryMemoryBytes", "memory for one query", settings.query_memory_bytes, "AD"),
        Limit("queryResultBytes", "size of one answer", settings.query_result_bytes, "AD"),
        Limit("queryCharacters", "length of a query", settings.query_characters, "C62"),
        Limit("queryDepth", "nesting depth of a query", settings.query_depth, "C62"),
        Limit("concurrentQueries", "long queries at the same time", settings.concurrent_queries, "C62"),
        Limit(
            "concurrentQueriesPerClient",
            "long queries of one client at the same time",
            settings.concurrent_queries_per_client,
            "C62",
        ),
    )


@dataclass(frozen=True)
class Walls:
    """What the system offers to keep queries in; where a wall is missing, the guard in front stands alone."""

    network: bool = False  #: workers have an empty network of their own
    memory: bool = False  #: the kernel ends a worker that takes too much
    priority: bool = False  #: long queries run when nothing else wants to

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence for each wall that does not stand."""
        said = {
            "network": "no network of their own for queries: only the look at its words keeps SERVICE out",
            "memory": "no limit on the memory of a query: the time limit alone ends it",
            "priority": "no low priority for long queries: they slow the others down",
        }
        return tuple(sentence for name, sentence in said.items() if not getattr(self, name))
