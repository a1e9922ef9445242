"""Asserted triples lead to inferred ones, by the CONSTRUCT files in `ontology/rules/`."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import NamedNode, Quad, QueryTriples, Store, Triple

from unitgraph.errors import SourceError
from unitgraph.queries import SavedQuery

MAX_ROUNDS = 12


def infer(store: Store, rules: Iterable[SavedQuery], graph: NamedNode) -> int:
    """Run the rules over the union of all graphs until nothing new appears; add what is new to `graph`.

    A triple that is asserted somewhere is not inferred as well.

    Returns:
        How many triples were inferred.

    Raises:
        SourceError: the rules still produce new triples after `MAX_ROUNDS` rounds.
    """
    rules = tuple(rules)
    known = {Triple(quad.subject, quad.predicate, quad.object) for quad in store}
    before = len(known)
    for _ in range(MAX_ROUNDS):
        grown = False
        for rule in rules:
            made = store.query(rule.text, use_default_graph_as_union=True)
            assert isinstance(made, QueryTriples)
            new = {triple for triple in made if triple not in known}
            if new:
                grown = True
                known |= new
                store.bulk_extend(Quad(t.subject, t.predicate, t.object, graph) for t in new)
        if not grown:
            return len(known) - before
    names = ", ".join(rule.name for rule in rules)
    raise SourceError("ontology/rules", 1, f"no end after {MAX_ROUNDS} rounds; one of these feeds itself: {names}")
