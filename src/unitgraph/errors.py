"""The error tree: what can go wrong, where, and what to do.

    UnitgraphError
    ├── UsageError                a command or option that cannot be meant
    ├── SourceError               a fault in a source file, with its line
    ├── Refused                   a set of sources with faults or Violations; nothing was published
    ├── ReleaseError              a release that is missing, damaged or in the way
    ├── RequestError              a request that cannot be answered as asked
    │   ├── BadRequest
    │   │   └── QuerySyntaxError
    │   ├── NotFound
    │   ├── Gone
    │   ├── NotAcceptable
    │   ├── MethodNotAllowed
    │   ├── UnsupportedMediaType
    │   └── QueryRefused
    └── EngineError               a query that the engine did not finish
        ├── QueryTimeout
        ├── QueryTooLarge
        ├── QueryFailed
        └── EngineUnavailable

A class exists where someone would catch it; its sentence says where, what, and what to do.
"""

from __future__ import annotations


class UnitgraphError(Exception):
    """Anything that unitgraph itself refuses or reports."""


class UsageError(UnitgraphError):
    """A command or option that cannot be meant; the command line ends with exit code 2."""


class SourceError(UnitgraphError):
    """A fault in a source file.

    Attributes: `path` relative to the folder of sources, `line` from 1, `message`, `column` from 1 or None.
    """

    def __init__(self, path: str, line: int, message: str, column: int | None = None) -> None:
        where = f"{line}:{column}" if column else f"{line}"
        super().__init__(f"{path}:{where}: {message}")
        self.path, self.line, self.message, self.column = path, line, message, column


class Refused(UnitgraphError):
    """Sources that may not become a release. Attribute `count`: faults and Violations."""

    def __init__(self, count: int) -> None:
        noun = "fault" if count == 1 else "faults"
        super().__init__(f"refused: {count} {noun}; mend the lines named above and run it again")
        self.count = count


class ReleaseError(UnitgraphError):
    """A release that is missing, damaged or in the way."""


class RequestError(UnitgraphError):
    """A request that cannot be answered as asked."""


class BadRequest(RequestError):
    """The request does not follow its protocol."""


class QuerySyntaxError(BadRequest):
    """A query that is not SPARQL. Attributes: `sentence`; `line` and `column` from 1, or None."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        where = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{where}{message}")
        self.sentence, self.line, self.column = message, line, column


class NotFound(RequestError):
    """Nothing in this release has that name."""


class Gone(RequestError):
    """It was here. Attributes: `iri`, `reason`, and `date` (ISO 8601) where it was withdrawn, else None.

    Of what was not withdrawn also `label`, what it was called, and `replaced_by`, the IRIs of what came after it.
    """

    def __init__(
        self, iri: str, reason: str, date: str | None = None, label: str = "", replaced_by: tuple[str, ...] = ()
    ) -> None:
        super().__init__(
            f"{iri} was withdrawn on {date}: {reason}" if date else f"{iri} is no longer described: {reason}"
        )
        self.iri, self.reason, self.date, self.label, self.replaced_by = iri, reason, date, label, replaced_by


class NotAcceptable(RequestError):
    """The `Accept` header rules out every format on offer.

    Attributes: `offered`, media types; `addresses`, pairs of a path at which one of them is found, and that one.
    """

    def __init__(self, offered: tuple[str, ...], addresses: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"none of the formats you accept is on offer; ask for one of {', '.join(offered)}")
        self.offered, self.addresses = offered, addresses


class MethodNotAllowed(RequestError):
    """An HTTP method that this resource does not have. Attribute `allowed`."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method} is not possible here; use {' or '.join(allowed)}")
        self.allowed = allowed


class UnsupportedMediaType(RequestError):
    """A request body in a format that is not read here."""


class QueryRefused(RequestError):
    """A request that this read-only, closed endpoint does not run: an update, or SERVICE."""


class EngineError(UnitgraphError):
    """A query that the engine did not finish."""


class QueryTimeout(EngineError):
    """A query stopped at its time limit. Attribute `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the query was stopped after {seconds:g} s; add a LIMIT, make it more specific, or use the dumps"
        )
        self.seconds = seconds


class QueryTooLarge(EngineError):
    """A query stopped at its memory limit."""


class QueryFailed(EngineError):
    """The engine died or gave up while it evaluated a query."""


class EngineUnavailable(EngineError):
    """No place for one more query just now. Attribute `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
