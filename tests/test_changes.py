"""The change table says exactly what every release did to every record."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest
from histories import BASE

from unitgraph import build, changes, history
from unitgraph.changes import CREATED, REMOVED, UPDATED, Changes
from unitgraph.records import GRAPH, records
from unitgraph.release import CHANGES, Release


def table(release: Release) -> Changes:
    return Changes(release.folder / CHANGES)


def test_the_records_of_a_release_hold_every_quad_once(five: tuple[Release, ...], release: Release) -> None:
    for one in (*five, release):
        lines = [line for record in records(one.lines(), one.base) for line in record.lines]
        assert sorted(lines) == one.lines()


def test_the_things_among_the_records_are_those_of_the_lists(five: tuple[Release, ...], release: Release) -> None:
    for one in (*five, release):
        counts = table(one).current_counts
        listed = {kind: n for kind, n in one.index.counts.items() if n and kind != "partner"}
        assert {kind: n for kind, n in counts.items() if kind != GRAPH} == listed


def test_what_happened_is_what_was_done(five: tuple[Release, ...]) -> None:
    happened = [
        {(change.what, change.path) for change in table(five[-1]).by(step) if change.path.startswith("project/")}
        for step in table(five[-1]).steps[1:]
    ]
    assert happened == [
        {(CREATED, "project/star-charts"), (CREATED, "project/tide-tables")},
        {(REMOVED, "project/tide-tables"), (CREATED, "project/tides")},
        {(REMOVED, "project/star-charts"), (UPDATED, "project/tides")},
        set(),
    ]
    last = {(change.what, change.path) for change in table(five[-1]).by(table(five[-1]).steps[-1])}
    assert {(UPDATED, "unit/division-a"), (UPDATED, "unit/maps"), (UPDATED, "graph/release")} <= last


def test_replaying_the_table_from_any_release_gives_any_later_one(five: tuple[Release, ...]) -> None:
    for start in range(len(five)):
        held = {record.path: record.lines for record in records(five[start].lines(), BASE)}
        for number in range(start + 1, len(five)):
            now = {record.path: record.lines for record in records(five[number].lines(), BASE)}
            for change in table(five[-1]).by(table(five[-1]).steps[number]):
                if change.what == REMOVED:
                    del held[change.path]
                else:
                    assert (change.what == CREATED) == (change.path not in held)
                    held[change.path] = now[change.path]
            assert sorted(line for lines in held.values() for line in lines) == five[number].lines()


def test_the_last_change_of_each_record_is_marked(five: tuple[Release, ...]) -> None:
    found = table(five[-1])
    everything = found.after(0, found.count)
    last = {change.path: change.id for change in everything}
    assert [change.id for change in everything if change.last] == sorted(last.values())
    assert [change.id for change in found.newest(0, 10_000)] == sorted(last.values())
    there = {change.path for change in found.newest(0, 10_000, "project") if change.what != REMOVED}
    assert there == {f"project/{name}" for name in ("bedtime-lines", "globe-catalogue", "night-maps", "tides")}


def test_a_record_belongs_to_what_it_refers_to(five: tuple[Release, ...]) -> None:
    found = {change.path: change.sets for change in table(five[-1]).newest(0, 10_000)}
    assert "unit/maps" in found["project/tides"]
    assert any(one.startswith("direction/") for one in found["project/night-maps"])


def test_a_table_is_the_same_made_step_by_step_or_at_once(five: tuple[Release, ...]) -> None:
    for number, one in enumerate(five, 1):
        assert list(changes.problems(one, five[:number])) == []


def test_a_table_that_was_changed_is_told_and_made_again(five: tuple[Release, ...]) -> None:
    release = five[2]
    with closing(sqlite3.connect(release.folder / CHANGES)) as connection:
        connection.execute("UPDATE change SET what = 'created' WHERE what = 'updated'")
        connection.commit()
    assert list(changes.problems(release, history.chain(release)))
    build.rebuild(release)
    assert list(changes.problems(release, history.chain(release))) == []


@pytest.mark.parametrize("seed", range(5))
def test_differences_of_two_chosen_sets_are_those_of_sets(five: tuple[Release, ...], seed: int) -> None:
    chance = random.Random(seed)
    lines = five[-1].lines()
    old, new = ([line for line in lines if chance.random() < 0.9] for _ in range(2))
    before = {record.path: record.lines for record in records(old, BASE)}
    after = {record.path: record.lines for record in records(new, BASE)}
    expected = dict.fromkeys(after.keys() - before.keys(), CREATED)
    expected |= dict.fromkeys(before.keys() - after.keys(), REMOVED)
    expected |= {path: UPDATED for path in before.keys() & after.keys() if before[path] != after[path]}
    found = [(record.path, what) for record, what in changes.differences(old, new, BASE)]
    assert dict(found) == expected
    assert len(found) == len(expected)
