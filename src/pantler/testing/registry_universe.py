"""What any registry must do when its universe gets a newer version."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pantler.config.yaml_text import load_yaml
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.sky.regions import Circle
from pantler.dimensions.universe import Universe
from pantler.errors import ConflictError
from pantler.queries.query import Query
from pantler.testing.survey import fill_survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.registry.interface import Registry


def extended_universe() -> Universe:
    """Return the packaged universe with what a newer version may add."""
    data: dict[str, Any] = load_yaml(Universe.default().to_yaml(), "universe")
    data["version"] += 1
    data["skypix"]["systems"]["healpix"]["max_level"] = 20
    data["elements"]["visit"]["metadata"].append({"name": "moon", "type": "float"})
    data["elements"]["amplifier"] = {
        "doc": "A part of a detector that is read out by itself.",
        "requires": ["detector"],
        "keys": [{"name": "id", "type": "int"}],
    }
    data["elements"]["field"] = {
        "doc": "A part of the sky that is observed again and again.",
        "requires": ["instrument"],
        "keys": [{"name": "name", "type": "string", "length": 32}],
    }
    data["topology"]["spatial"]["fields"] = ["field"]
    return Universe.restored(yaml.safe_dump(data, sort_keys=False))


class UniverseSuite:
    """The tests of `Registry.extend_universe`; see `RegistrySuite`."""

    def test_a_newer_universe_adds_to_what_is_there(
        self, registry: Registry, open_again: Callable[[], Registry]
    ) -> None:
        """Old rows are as they were; new dimensions and columns can be used."""
        fill_survey(registry)
        before = registry.query(Query(registry.universe.group(["visit", "patch"])))
        newer = extended_universe()
        added = registry.extend_universe(newer)
        assert [element.name for element in added.elements] == ["amplifier", "field"]
        assert [str(column) for column in added.columns] == ["visit.moon"]
        assert added.pixels == ("healpix18", "healpix19", "healpix20")
        with closing(open_again()) as later:
            assert later.universe == newer
            group = later.universe.group(["visit", "patch"])
            assert later.query(Query(group)).equals(before)
            instrument = "Cam"
            later.dimensions.insert(
                "amplifier", [{"instrument": instrument, "detector": 1, "amplifier": 4}]
            )
            field = {"instrument": instrument, "field": "north"}
            region = Circle.from_lonlat(0, 89, 1)
            later.dimensions.insert("field", [{**field, "region": region}])
            found = later.query(Query(later.universe.group(["field"]), element="field"))
            assert found["field"].to_list() == ["north"]
            visit = Query(later.universe.group(["visit"]), element="visit")
            frame = later.query(visit)
            assert frame["moon"].null_count() == frame.height > 0
            old = frame.row(0, named=True)
            new = {**old, "visit": 9000, "name": "new", "moon": 0.25}
            later.dimensions.insert("visit", [new])
            assert later.query(visit)["moon"].max() == 0.25
            kind = DatasetType("amp", later.universe.group(["amplifier"]), "Text")
            later.dataset_types.register(kind)
            later.collections.register("amps", CollectionType.RUN)

    def test_who_has_the_older_universe_goes_on(
        self, registry: Registry, open_again: Callable[[], Registry]
    ) -> None:
        """A registry that is open reads and writes with the older version."""
        fill_survey(registry)
        with closing(open_again()) as other:
            other.extend_universe(extended_universe())
        visit = Query(registry.universe.group(["visit"]), element="visit")
        old = registry.query(visit).row(0, named=True)
        registry.dimensions.insert("visit", [{**old, "visit": 9001, "name": "x"}])
        assert 9001 in registry.query(visit)["visit"].to_list()

    def test_nothing_changes_without_leave(
        self, registry: Registry, open_again: Callable[[], Registry]
    ) -> None:
        """A dry run changes nothing."""
        registry.extend_universe(extended_universe(), dry_run=True)
        with closing(open_again()) as later:
            assert later.universe == registry.universe

    def test_a_universe_that_takes_away_is_refused(self, registry: Registry) -> None:
        """Whatever is gone is named."""
        data: dict[str, Any] = load_yaml(registry.universe.to_yaml(), "universe")
        del data["elements"]["subfilter"]
        data["version"] = 2
        other = Universe.restored(yaml.safe_dump(data, sort_keys=False))
        with pytest.raises(ConflictError, match="'subfilter' is gone"):
            registry.extend_universe(other)

    def test_a_universe_cannot_be_extended_twice_from_one_state(
        self, registry: Registry, open_again: Callable[[], Registry]
    ) -> None:
        """Who comes second has to look again."""
        with closing(open_again()) as other:
            other.extend_universe(extended_universe())
        with pytest.raises(ConflictError, match="Open the repository again"):
            registry.extend_universe(extended_universe())
