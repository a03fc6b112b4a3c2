"""A dict of two layers behaves like a dict, and its copies keep apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.datasets.collection import CollectionType
from pantler.registry.sql.layered import LayeredDict
from pantler.registry.sql.snapshot import Collections

KEYS = st.integers(0, 400)
STEPS = st.lists(st.tuples(st.sampled_from(["set", "pop", "copy"]), KEYS), max_size=80)


@given(st.sets(KEYS), STEPS)
def test_it_is_a_dict(base, steps):
    plain = dict.fromkeys(base, -1)
    mine = LayeredDict(plain.copy())
    kept = []
    for count, (what, key) in enumerate(steps):
        if what == "set":
            plain[key] = mine[key] = count
        elif what == "pop":
            assert plain.pop(key, None) == mine.pop(key, None)
        else:
            kept.append((mine, plain.copy()))
            mine = mine.copy()
        assert (key in mine) == (key in plain)
        assert len(mine) == len(plain)
    for layered, expected in [*kept, (mine, plain)]:
        assert dict(layered) == expected


def test_many_changes_become_a_base_of_their_own():
    """So that copies stay cheap."""
    mine = LayeredDict(dict.fromkeys(range(1000)))
    for key in range(500, 1500):
        mine[key] = "new"
        del mine[key - 500]
    copied = mine.copy()
    assert not copied._changes
    assert dict(copied) == dict(mine) == dict.fromkeys(range(1000, 1500), "new")
    with pytest.raises(KeyError):
        del copied[3]


def test_collections_are_made_of_rows_when_asked_for():
    rows = [(7, "run", 1, "what it is", ()), (8, "chain", 3, "", ("run",))]
    known = Collections.of(rows)
    copied = known.copy()
    number, collection = copied["chain"]
    assert number == 8
    assert collection.children == ("run",)
    assert known["chain"][1] is collection
    copied.add((7, "run", 1, "other", ()))
    assert [c.doc for _, c in copied.values()] == ["other", ""]
    assert known["run"][1].doc == "what it is"
    assert known["run"][1].type is CollectionType.RUN
    del copied["run"]
    with pytest.raises(KeyError):
        copied["run"]
