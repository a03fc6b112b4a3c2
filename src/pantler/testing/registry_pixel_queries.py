"""What any registry must answer to queries with sky pixels among their dimensions."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.sky.pixels import pixel_envelope, pixel_region
from pantler.dimensions.sky.region_array import RegionArray
from pantler.dimensions.sky.regions import decode_region
from pantler.errors import InvalidInputError
from pantler.queries.query import DatasetSearch, JoinedTable, Query
from pantler.queries.tree import (
    And,
    Comparison,
    Constant,
    DimensionKey,
    Membership,
    Or,
    TableField,
)
from pantler.testing.constants import integer
from pantler.testing.survey import fill_survey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.sky.regions import Region
    from pantler.registry.interface import Registry

VISIT = DimensionKey("visit", "int")
PIXELS = ("htm7", "htm9", "htm5", "healpix8")

VisitDetector = tuple[int, int]
Patch = tuple[int, int]


def _is(name: str, *values: int) -> Membership:
    return Membership(DimensionKey(name, "int"), tuple(map(integer, values)))


class PixelQuerySuite:
    """Pixels relate to what has a region by overlap, whatever their level."""

    @pytest.mark.parametrize("name", PIXELS)
    def test_datasets_by_pixel_go_with_what_their_pixels_overlap(
        self, registry: Registry, name: str
    ) -> None:
        """As one sees it when each pair is looked at; at any level."""
        fill_survey(registry)
        regions = _detectors(registry)
        numbers = _near(registry, name, regions.values())
        refcat = _refcat(registry, name, numbers)
        group = registry.universe.group(["visit", "detector", name])
        search = DatasetSearch(refcat, ("refcats",))
        expected = _pairs(registry, name, numbers, regions)
        query = Query(group, datasets=(search,))
        found = registry.query(query).select("visit", "detector", name).rows()
        assert sorted(found) == sorted(expected)
        assert registry.count(query) == len(expected)
        one = Comparison("=", VISIT, integer(2))
        query = Query(group, one, datasets=(search,))
        found = registry.query(query).select("visit", "detector", name).rows()
        assert sorted(found) == sorted(row for row in expected if row[0] == 2)
        query = Query(refcat.dimensions, one, target=search)
        rows = registry.query(query)
        (visit,) = _records(registry, "visit", 2)
        of_visit = _pairs(registry, name, numbers, {(2, 0): visit.region})
        assert sorted(rows[name]) == sorted(p for _, _, p in of_visit)
        assert registry.count(query) == rows.height
        visits = Query(
            registry.universe.group(["visit", "detector"]),
            _is(name, *numbers[:3]),
            datasets=(search,),
        )
        found = registry.query(visits).select("visit", "detector").rows()
        wanted = {(v, d) for v, d, p in expected if p in numbers[:3]}
        assert sorted(found) == sorted(wanted)

    @pytest.mark.parametrize("name", PIXELS)
    def test_pixels_come_from_regions_where_no_dataset_has_them(
        self, registry: Registry, name: str
    ) -> None:
        """They are those that the regions overlap, conditions on them included."""
        fill_survey(registry)
        regions = _detectors(registry)
        numbers = _near(registry, name, regions.values())
        expected = _pairs(registry, name, numbers, regions)
        group = registry.universe.group(["visit", "detector", name])
        query = Query(group)
        found = registry.query(query).select("visit", "detector", name).rows()
        assert sorted(found) == sorted(expected)
        assert registry.count(query) == len(expected)
        some = sorted({p for _, _, p in expected})[1:4]
        key = DimensionKey(name, "int")
        for where in (
            _is(name, *some),
            Or(tuple(Comparison("=", key, integer(n)) for n in some)),
            And((Comparison(">=", key, integer(some[0])), _is(name, *some))),
        ):
            detectors = registry.universe.group(["visit", "detector"])
            rows = registry.query(Query(detectors, where))
            wanted = {(v, d) for v, d, p in expected if p in some}
            detected = rows.select("visit", "detector").rows()
            assert sorted(detected) == sorted(wanted)
            records = Query(detectors, where, element="visit_detector_region")
            assert registry.query(records).height == len(wanted)

    @pytest.mark.parametrize("name", ["htm7", "htm9", "healpix8"])
    def test_pixels_overlap_all_families_that_are_present(
        self, registry: Registry, name: str
    ) -> None:
        """Visits, patches and pixels, each pair of them."""
        fill_survey(registry)
        detectors, patches = _detectors(registry), _patches(registry)
        everything = [*detectors.values(), *patches.values()]
        numbers = _near(registry, name, everything)
        search = DatasetSearch(_refcat(registry, name, numbers), ("refcats",))
        group = registry.universe.group(["visit", "detector", "patch", name])
        pixels = {n: pixel_region(registry.universe[name], n) for n in numbers}
        expected = [
            (*one, *two, number)
            for (one, a), (two, b) in itertools.product(
                detectors.items(), patches.items()
            )
            if a.overlaps(b)
            for number, pixel in pixels.items()
            if pixel.overlaps(a) and pixel.overlaps(b)
        ]
        columns = "visit", "detector", "tract", "patch", name
        for query in (Query(group, datasets=(search,)), Query(group)):
            assert sorted(registry.query(query).select(columns).rows()) == sorted(
                expected
            )
            assert registry.count(query) == len(expected)

    def test_pixels_of_several_kinds_overlap_each_other(
        self, registry: Registry
    ) -> None:
        """Alone, and together with what has a region."""
        fill_survey(registry)
        universe = registry.universe
        regions = _detectors(registry)
        fine = _near(registry, "htm8", regions.values())
        round_ = _near(registry, "healpix7", regions.values())
        searches = tuple(
            DatasetSearch(_refcat(registry, name, numbers), ("refcats",))
            for name, numbers in (("htm8", fine), ("healpix7", round_))
        )
        pairs = {
            (a, b)
            for a, b in itertools.product(fine, round_)
            if pixel_region(universe["htm8"], a).overlaps(
                pixel_region(universe["healpix7"], b)
            )
        }
        query = Query(universe.group(["htm8", "healpix7"]), datasets=searches)
        found = registry.query(query).select("htm8", "healpix7").rows()
        assert sorted(found) == sorted(pairs)
        where = _is("visit", 1)
        query = Query(universe.group(["htm8", "healpix7"]), where, datasets=searches)
        found = registry.query(query).select("htm8", "healpix7").rows()
        (visit,) = _records(registry, "visit", 1)
        wanted = {
            (a, b)
            for a, b in pairs
            if pixel_region(universe["htm8"], a).overlaps(visit.region)
            and pixel_region(universe["healpix7"], b).overlaps(visit.region)
        }
        assert sorted(found) == sorted(wanted)
        assert registry.count(query) == len(wanted)

    def test_pixels_may_be_listed_alone(self, registry: Registry) -> None:
        """By a condition, or by a table of one's own."""
        fill_survey(registry)
        group = registry.universe.group(["htm9"])
        numbers = [2_300_001, 2_300_002, 2_300_003]
        query = Query(group, _is("htm9", *numbers))
        assert sorted(registry.query(query)["htm9"]) == numbers
        frame = pl.DataFrame({"htm9": numbers * 2, "flux": [1.0, 2.0, 3.0] * 2})
        table = JoinedTable("mine", frame, ("htm9",), {"flux": "float"})
        bright = Comparison(
            ">", TableField("mine", "flux", "float"), Constant(1.5, "float")
        )
        query = Query(group, bright, tables=(table,))
        assert sorted(registry.query(query)["htm9"]) == numbers[1:]
        assert registry.count(query) == 2

    def test_pixels_that_nothing_bounds_are_refused(self, registry: Registry) -> None:
        """With a sentence that says what would."""
        fill_survey(registry)
        universe = registry.universe
        some = Comparison(">", DimensionKey("htm9", "int"), integer(5))
        for query in (
            Query(universe.group(["htm9"])),
            Query(universe.group(["htm9"]), some),
            Query(universe.group(["htm9", "htm7"])),
            Query(universe.group(["detector", "healpix8"])),
        ):
            with pytest.raises(InvalidInputError, match="Nothing fixes the values of"):
                registry.query(query)


def _records(
    registry: Registry, element: str, visit: int | None = None
) -> list[_Record]:
    where = None if visit is None else _is("visit", visit)
    group = registry.universe.group(registry.universe[element].required)
    rows = registry.query(Query(group, where, element=element))
    return [_Record(**row) for row in rows.to_dicts()]


class _Record:
    """A record with a region, its values as attributes."""

    def __init__(self, region: bytes, **values: Any) -> None:
        self.region = decode_region(region)
        self.values = values

    def __getattr__(self, name: str) -> Any:
        return self.values[name]


def _detectors(registry: Registry) -> dict[VisitDetector, Region]:
    found = _records(registry, "visit_detector_region")
    return {(record.visit, record.detector): record.region for record in found}


def _patches(registry: Registry) -> dict[Patch, Region]:
    found = _records(registry, "patch")
    return {(record.tract, record.patch): record.region for record in found}


def _near(registry: Registry, name: str, regions: Iterable[Region]) -> list[int]:
    """Return the pixels that regions touch, and others beside them."""
    element = registry.universe[name]
    array = RegionArray.from_regions(list(regions))
    assert element.pixel_scheme is not None
    _, pixels = pixel_envelope(array, element.pixel_scheme, element.pixel_level)
    return sorted({int(n) + step for n in pixels.tolist() for step in (-1, 0, 1)})


def _pairs(
    registry: Registry,
    name: str,
    numbers: list[int],
    regions: dict[VisitDetector, Region],
) -> list[tuple[int, int, int]]:
    """Return visit, detector and pixel of all that overlap, one by one."""
    pixels = {n: pixel_region(registry.universe[name], n) for n in numbers}
    return [
        (*key, number)
        for key, region in regions.items()
        for number, pixel in pixels.items()
        if region.overlaps(pixel)
    ]


def _refcat(registry: Registry, name: str, numbers: list[int]) -> DatasetType:
    """Return a type of reference catalogues, by pixel, of which there are some."""
    group = registry.universe.group([name])
    refcat = DatasetType(f"refcat_{name}", group, "StructuredDict")
    registry.dataset_types.register(refcat)
    registry.collections.register("refcats", CollectionType.RUN)
    frame = pl.DataFrame({name: numbers})
    ids = uuid_series(make_uuids(frame.height))
    registry.datasets.insert(refcat, "refcats", frame, ids)
    return refcat
