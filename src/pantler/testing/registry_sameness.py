"""What databases do differently by themselves, and registries must not.

Part of `pantler.testing.registry.RegistrySuite`.
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pantler.queries.query import OrderTerm, Query
from pantler.queries.tree import (
    And,
    Arithmetic,
    Comparison,
    Constant,
    DimensionKey,
    Glob,
    Membership,
    RecordField,
)
from pantler.testing.survey import fill_survey

if TYPE_CHECKING:
    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry

NAMES = ["a", "B", "b", "Z", "_", "-", "1", "10", "9", "é", "z", "Ω", "a b", "a%", "a_"]
INSTRUMENT = DimensionKey("instrument", "string")


def _instruments(
    registry: Registry, where: Predicate | None = None, *, descending: bool = False
) -> list[str]:
    group = registry.universe.group(["instrument"])
    order = (OrderTerm(INSTRUMENT, descending=descending),)
    frame = registry.query(Query(group, where, order_by=order))
    return list(frame["instrument"].to_list())


def _listed(key: DimensionKey, *values: int) -> Membership:
    return Membership(key, tuple(Constant(value, "int") for value in values))


class SamenessSuite:
    """Order, patterns and arithmetic are the same whatever the database is."""

    def test_text_is_ordered_by_code_point(self, registry: Registry) -> None:
        """Whatever the language of the server."""
        registry.dimensions.insert("instrument", [{"instrument": n} for n in NAMES])
        assert _instruments(registry) == sorted(NAMES)
        assert _instruments(registry, descending=True) == sorted(NAMES)[::-1]
        before = Comparison("<", INSTRUMENT, Constant("a", "string"))
        assert _instruments(registry, before) == sorted(n for n in NAMES if n < "a")

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("a*", ["a", "a b", "a%", "a_"]),
            ("a?", ["a%", "a_"]),
            ("a%", ["a%"]),
            ("a_", ["a_"]),
            ("?", ["-", "1", "9", "B", "Z", "_", "a", "b", "z", "é", "Ω"]),
            ("[ab]", []),
        ],
    )
    def test_patterns_mean_stars_and_question_marks_alone(
        self, registry: Registry, pattern: str, found: list[str]
    ) -> None:
        """And letter case counts."""
        registry.dimensions.insert("instrument", [{"instrument": n} for n in NAMES])
        assert _instruments(registry, Glob(INSTRUMENT, pattern)) == found

    @pytest.mark.parametrize("descending", [False, True])
    def test_nulls_are_least(self, registry: Registry, *, descending: bool) -> None:
        """They come first, and last when descending."""
        rows = [
            {"instrument": name, "class_name": class_name}
            for name, class_name in (("one", "x"), ("two", None), ("three", "a"))
        ]
        registry.dimensions.insert("instrument", rows)
        field = RecordField("instrument", "class_name", "string")
        order = (OrderTerm(field, descending=descending),)
        group = registry.universe.group(["instrument"])
        frame = registry.query(Query(group, order_by=order))
        expected = ["two", "three", "one"]
        assert frame["instrument"].to_list() == expected[:: -1 if descending else 1]

    @pytest.mark.parametrize("operator", ["/", "%"])
    def test_division_by_zero_has_no_value(
        self, registry: Registry, operator: str
    ) -> None:
        """It is no error: rows where it happens are not found."""
        fill_survey(registry)
        detector = DimensionKey("detector", "int")
        quotient = Arithmetic(operator, Constant(4, "int"), detector)  # type: ignore[arg-type]
        where = Comparison(">=", quotient, Constant(0, "int"))
        group = registry.universe.group(["detector"])
        found = registry.query(Query(group, where))
        assert sorted(found["detector"]) == [1, 2, 3]

    def test_lists_of_small_and_of_large_numbers_go_together(
        self, registry: Registry
    ) -> None:
        """Each list has its own range of values, which must not be the other's."""
        fill_survey(registry)
        group = registry.universe.group(["exposure", "detector"])
        detector = DimensionKey("detector", "int")
        exposure = DimensionKey("exposure", "int")
        small = _listed(detector, 0, 1, 2)
        for large in (40_000, 2**31, 2**62):
            both = And((small, _listed(exposure, 1, large)))
            found = registry.query(Query(group, both))
            assert found["exposure"].unique().to_list() == [1]
            assert sorted(found["detector"].to_list()) == [0, 1, 2]

    @pytest.mark.parametrize("ordered", [False, True])
    def test_parts_fit_together(self, registry: Registry, *, ordered: bool) -> None:
        """Also where the order leaves rows equal, each row is in one part."""
        registry.dimensions.insert("instrument", [{"instrument": "Cam"}])
        detectors = [
            {"instrument": "Cam", "detector": n, "full_name": str(n)}
            for n in random.Random(1).sample(range(3000), 3000)  # noqa: S311 - a test
        ]
        registry.dimensions.insert("detector", detectors)
        registry.dimensions.insert(
            "detector",
            [{**row, "purpose": "x"} for row in detectors[:1500]],
            on_conflict="replace",
        )
        group = registry.universe.group(["detector"])
        order = (OrderTerm(INSTRUMENT),) if ordered else ()
        query = Query(group, element="detector", order_by=order)
        parts = [
            registry.query(replace(query, limit=limit, offset=offset))
            for offset, limit in ((0, 10), (10, 1000), (1010, 1), (1011, None))
        ]
        found = [n for part in parts for n in part["detector"].to_list()]
        assert sorted(found) == list(range(3000))
