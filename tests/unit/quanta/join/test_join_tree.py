"""The join of relations equals the join by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.universe import Universe
from pantler.quanta.join.coding import Coding, DimensionValues
from pantler.quanta.join.keys import match, pack, pack_both
from pantler.quanta.join.reduction import reduce_relations
from pantler.quanta.join.relations import Relation

UNIVERSE = Universe.from_yaml(
    """
namespace: letters
version: 1
skypix: {common: htm7, systems: {htm: {max_level: 7}}}
elements:
"""
    + "".join(
        f"  {name}: {{doc: A letter., keys: [{{name: id, type: int}}]}}\n"
        for name in "abcde"
    )
)
SIZE = 3
CODING = Coding(
    UNIVERSE, {name: DimensionValues(pl.Series(name, range(SIZE))) for name in "abcde"}
)
ROWS = st.sets(st.tuples(*[st.integers(0, SIZE - 1)] * 5), min_size=1, max_size=12)


@st.composite
def relations(draw):
    """Draw relations over some letters, with cycles and unconnected parts."""
    found = []
    for names in draw(
        st.lists(
            st.sets(st.sampled_from("abcde"), min_size=1, max_size=3),
            min_size=1,
            max_size=5,
        )
    ):
        ordered = sorted(names)
        rows = sorted({row[: len(ordered)] for row in draw(ROWS)})
        columns = {
            name: np.array([row[place] for row in rows], dtype=np.int32)
            for place, name in enumerate(ordered)
        }
        found.append(Relation("".join(ordered), "join", CODING, columns, len(rows)))
    return found


def rows_of(relation: Relation) -> list[tuple[int, ...]]:
    return list(
        zip(*(codes.tolist() for codes in relation.columns.values()), strict=True)
    )


def brute_force(all_relations: list[Relation], names: str) -> list[tuple[int, ...]]:
    letters = sorted(set().union(*(r.columns for r in all_relations)))
    allowed = [(tuple(r.columns), set(rows_of(r))) for r in all_relations]
    found = set()
    for values in itertools.product(range(SIZE), repeat=len(letters)):
        row = dict(zip(letters, values, strict=True))
        if all(tuple(row[n] for n in keys) in rows for keys, rows in allowed):
            found.add(tuple(row[name] for name in names))
    return sorted(found)


@given(relations(), st.data())
def test_projections_are_those_of_the_whole_join(drawn, data):
    tree = reduce_relations(drawn)
    letters = sorted(set().union(*(r.columns for r in drawn)))
    for names in itertools.combinations(
        letters, data.draw(st.integers(1, len(letters)))
    ):
        assert rows_of(tree.project(names)) == brute_force(drawn, "".join(names))


@given(relations())
def test_a_reduced_relation_holds_just_what_the_join_uses(drawn):
    for relation in reduce_relations(drawn).relations:
        names = "".join(relation.columns)
        assert sorted(set(rows_of(relation))) == brute_force(drawn, names)


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4)))
def test_matches_are_all_pairs_of_equal_keys(left, right):
    i, j = match(np.array(left, dtype=np.int64), np.array(right, dtype=np.int64))
    expected = {
        (a, b)
        for a, b in itertools.product(range(len(left)), range(len(right)))
        if left[a] == right[b]
    }
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert len(i) == len(expected)


@given(st.lists(st.tuples(*[st.integers(0, 2**31 - 2)] * 3), min_size=1))
def test_keys_keep_the_order_of_rows_even_where_they_do_not_fit_one_integer(rows):
    columns = [np.array(column, dtype=np.int32) for column in zip(*rows, strict=True)]
    keys = pack(columns, [2**31 - 1] * 3, len(rows)).tolist()
    for (a, x), (b, y) in itertools.pairwise(zip(rows, keys, strict=True)):
        assert (a < b, a == b) == (x < y, x == y)
    left, right = pack_both(columns, columns, [2**31 - 1] * 3, (len(rows),) * 2)
    assert (left == right).all()
