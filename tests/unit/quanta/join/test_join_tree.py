"""The join of relations equals the join by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.universe import Universe
from pantler.quanta.join.coding import Coding, DimensionValues
from pantler.quanta.join.reduction import JoinTree, TreeLink, reduce_relations
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


def letters(names: str, *rows: tuple[int, ...]) -> Relation:
    columns = {
        name: np.array([row[place] for row in rows], dtype=np.int32)
        for place, name in enumerate(names)
    }
    return Relation(f"the {names}", "join", CODING, columns, len(rows))


def test_the_steps_say_what_each_relation_lost():
    first, second = letters("ab", (0, 0), (1, 1), (2, 2)), letters("b", (0,), (1,))
    tree = reduce_relations([first, second])
    steps = [(s.name, s.other, s.before, s.after) for s in tree.steps]
    assert steps == [("the ab", "the b", 3, 2), ("the b", "the ab", 2, 2)]
    assert not tree.is_empty
    assert reduce_relations([first, letters("b")]).is_empty


def test_relations_in_a_circle_are_joined_and_left_out_of_the_tree():
    pairs = [(0, 0), (1, 1), (2, 2)]
    ring = [letters("ab", *pairs), letters("bc", *pairs), letters("ac", (0, 0))]
    tree = reduce_relations([*ring, letters("ad", (0, 2), (1, 1))])
    names = sorted("".join(sorted(r.columns)) for r in tree.relations)
    assert len(tree.relations) == len(tree.links) + 1
    # One pair of the ring became "abc"; its third relation hangs on that.
    assert len(names) == 3
    assert {"abc", "ad"} <= set(names)
    assert rows_of(tree.project("abcd")) == [(0, 0, 0, 2)]


def test_only_relations_that_share_a_dimension_are_merged():
    """Though the product of two others would have fewer rows."""
    three = [(0, 0), (0, 1), (1, 0)]
    ring = [
        letters("ab", (0, 0)),
        letters("bc", *three),
        letters("cd", (0, 0)),
        letters("ad", *three),
    ]
    step = reduce_relations(ring).steps[0]
    assert set(step.name.split()[1]) & set(step.other.split()[1])


def test_what_hangs_on_a_ring_is_linked_to_what_the_ring_became():
    pairs = [(0, 0), (1, 1), (2, 2)]
    ring = [letters(names, *pairs) for names in ("ab", "bc", "cd", "ad")]
    for hanging in ("a", "b", "c", "d"):
        tree = reduce_relations([*ring, letters(hanging, (2,))])
        assert len(tree.relations) == len(tree.links) + 1
        assert {place for link in tree.links for place in link} == set(
            range(len(tree.relations))
        )
        for leaf, parent in tree.links:
            rest = set().union(*(r.names for r in tree.relations[leaf + 1 :]))
            shared = tree.relations[leaf].names & rest
            assert shared <= tree.relations[parent].names
        assert [rows_of(r) for r in tree.relations] == [
            [(2,) * len(r.columns)] for r in tree.relations
        ]
        assert rows_of(tree.project("abcd")) == [(2, 2, 2, 2)]


@pytest.fixture
def joins(monkeypatch):
    """Return the numbers of rows on both sides of each join that is made."""
    made = []
    join = Relation.join

    def recording(self, other):
        made.append((len(self), len(other)))
        return join(self, other)

    monkeypatch.setattr(Relation, "join", recording)
    return made


def test_a_projection_keeps_on_its_way_only_what_is_still_needed(joins):
    many = range(SIZE)
    relations = [
        letters("ab", *((0, b) for b in many)),
        letters("bc", *((b, 0) for b in many)),
        letters("cd", *((0, d) for d in many)),
    ]
    tree = JoinTree(relations, [TreeLink(0, 1), TreeLink(1, 2)])
    assert rows_of(tree.project("ad")) == [(0, 0), (0, 1), (0, 2)]
    # Of "ab" and "bc" only "ac" goes on, which has one row.
    assert joins == [(3, 3), (3, 1)]


def test_a_projection_joins_no_relation_that_adds_nothing(joins):
    relations = [
        letters("abe", (0, 0, 1), (0, 0, 2)),
        letters("ab", (0, 0)),
        letters("bc", (0, 1)),
    ]
    tree = JoinTree(relations, [TreeLink(0, 1), TreeLink(1, 2)])
    assert rows_of(tree.project("abc")) == [(0, 0, 1)]
    assert len(joins) == 1


def test_unconnected_relations_make_a_product():
    tree = reduce_relations([letters("a", (0,), (1,)), letters("b", (2,), (1,))])
    assert rows_of(tree.project("ab")) == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_projection_has_distinct_rows_in_order():
    relation = letters("ab", (2, 0), (1, 1), (2, 2), (1, 1))
    assert rows_of(relation.project("a")) == [(1,), (2,)]
    assert rows_of(relation.project("ab")) == [(1, 1), (2, 0), (2, 2)]
    ordered = letters("ab", (1, 1), (2, 0))
    assert rows_of(ordered.project("ab")) == [(1, 1), (2, 0)]
    assert ordered.project("ab").count == 2
    assert rows_of(letters("ab", (1, 1), (1, 2)).project("a")) == [(1,)]


def test_rows_are_taken_by_mask_or_place():
    relation = letters("ab", (2, 0), (1, 1), (2, 2))
    mask = relation.take(np.array([True, False, True]))
    assert (rows_of(mask), len(mask)) == ([(2, 0), (2, 2)], 2)
    places = relation.take(np.array([2, 2, 0]))
    assert (rows_of(places), len(places)) == ([(2, 2), (2, 2), (2, 0)], 3)


def test_rows_know_their_places_in_a_projection():
    table = letters("ab", (0, 1), (1, 0), (2, 2))
    other = letters("abc", (2, 2, 0), (0, 0, 0), (0, 1, 2), (1, 0, 1))
    assert table.places_of(other).tolist() == [2, -1, 0, 1]


def test_a_semi_join_that_drops_nothing_returns_the_relation_itself():
    relation = letters("ab", (0, 1), (1, 0))
    assert relation.semi_join(letters("b", (0,), (1,), (2,))) is relation
    assert rows_of(relation.semi_join(letters("b", (1,)))) == [(0, 1)]
    assert relation.join_size(letters("bc", (1, 0), (1, 1), (0, 2))) == 3
    joined = relation.join(letters("bc", (1, 0), (1, 1), (0, 2)))
    assert sorted(rows_of(joined)) == [(0, 1, 0), (0, 1, 1), (1, 0, 2)]
    assert joined.name == "the ab with the bc"
