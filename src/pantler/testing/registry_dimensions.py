"""Records of dimension elements: part of `pantler.testing.registry.RegistrySuite`."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pantler.dimensions.timespan import Timespan
from pantler.errors import ConflictError, DataIdError
from pantler.testing.survey import DAY_NS, fill_survey, square

if TYPE_CHECKING:
    from pantler.registry.interface import Registry


class DimensionSuite:
    """Records of dimension elements."""

    def test_a_record_is_found_as_it_was_inserted(self, registry: Registry) -> None:
        """Every column comes back, with its type."""
        fill_survey(registry)
        found = registry.dimensions.find(
            "exposure", {"instrument": "Cam", "exposure": 2}
        )
        assert found is not None
        assert found["obs_id"] == "obs-2"
        assert found["can_see_sky"] is False
        assert found["dark_time"] is None
        assert found.timespan == Timespan(2 * DAY_NS, 2 * DAY_NS + 10_000_000_000)
        region = registry.dimensions.find("tract", {"skymap": "sky", "tract": 1})
        assert region is not None
        assert region["region"] == square(12, 1.0)

    def test_a_record_that_is_not_there_is_none(self, registry: Registry) -> None:
        """Looking up is not an error."""
        assert registry.dimensions.find("instrument", {"instrument": "No"}) is None

    @pytest.mark.parametrize("count", [99, 100, 101, 250])
    def test_records_of_any_number_are_all_inserted(
        self, registry: Registry, count: int
    ) -> None:
        """Each once, with its own values, whatever travels together."""
        fill_survey(registry)
        rows = [
            {"instrument": "Cam", "detector": 100 + n, "full_name": f"many-{n}"}
            for n in range(count)
        ]
        assert registry.dimensions.insert("detector", rows) == count
        for row in rows:
            key = {"instrument": "Cam", "detector": row["detector"]}
            found = registry.dimensions.find("detector", key)
            assert found is not None
            assert found["full_name"] == row["full_name"]

    def test_an_equal_record_is_not_a_conflict(self, registry: Registry) -> None:
        """Inserting again what is there changes nothing."""
        rows = [{"instrument": "Cam", "visit_max": 7}]
        assert registry.dimensions.insert("instrument", rows) == 1
        assert registry.dimensions.insert("instrument", rows) == 0

    def test_another_record_of_the_same_key_is_a_conflict(
        self, registry: Registry
    ) -> None:
        """The message names it, and nothing of the call is done."""
        fill_survey(registry)
        rows = [
            {"instrument": "Cam", "detector": 7, "full_name": "S7"},
            {"instrument": "Cam", "detector": 1, "full_name": "other"},
        ]
        with pytest.raises(ConflictError, match="detector: 1"):
            registry.dimensions.insert("detector", rows)
        key = {"instrument": "Cam", "detector": 7}
        assert registry.dimensions.find("detector", key) is None

    def test_records_can_be_skipped_or_replaced(self, registry: Registry) -> None:
        """``skip`` keeps the old record, ``replace`` takes the new one."""
        fill_survey(registry)
        key = {"instrument": "Cam", "detector": 1}
        rows = [
            {**key, "full_name": "new"},
            {"instrument": "Cam", "detector": 9, "full_name": "S9"},
        ]
        insert, find = registry.dimensions.insert, registry.dimensions.find
        assert insert("detector", rows, on_conflict="skip") == 1
        old = find("detector", key)
        assert old is not None
        assert old["full_name"] == "S1"
        assert insert("detector", rows, on_conflict="replace") == 1
        new = find("detector", key)
        assert new is not None
        assert new["full_name"] == "new"

    def test_a_record_must_refer_to_known_values(self, registry: Registry) -> None:
        """The message names what is missing."""
        fill_survey(registry)
        row = {
            "instrument": "Cam",
            "physical_filter": "z9",
            "exposure": 9,
            "obs_id": "9",
        }
        with pytest.raises(DataIdError, match="z9"):
            registry.dimensions.insert("exposure", [row])

    def test_an_alternate_key_is_unique(self, registry: Registry) -> None:
        """Two detectors cannot have one name."""
        fill_survey(registry)
        row = {"instrument": "Cam", "detector": 8, "full_name": "S1"}
        with pytest.raises(ConflictError, match="full_name"):
            registry.dimensions.insert("detector", [row])

    def test_expand_adds_what_follows(self, registry: Registry) -> None:
        """The only instrument and all implied values."""
        fill_survey(registry)
        group = registry.universe.group(["exposure", "detector"])
        full = registry.dimensions.expand({"exposure": 3, "detector": 1}, group)
        assert full.is_full
        assert full["instrument"] == "Cam"
        assert full["band"] == "r"
        assert full["group"] == "group 3"

    @pytest.mark.parametrize(
        "given",
        [
            {"exposure": 2, "detector": "S1"},
            {"exposure": "obs-2", "detector": 1},
            {"exposure.obs_id": "obs-2", "detector.full_name": "S1"},
            {"visit": 2, "detector": 1},
            {"day_obs": 20260102, "detector": 1},
        ],
    )
    def test_expand_takes_other_keys(
        self, registry: Registry, given: dict[str, object]
    ) -> None:
        """Alternate keys, columns and related dimensions name a data ID too."""
        fill_survey(registry)
        group = registry.universe.group(["exposure", "detector"])
        full = registry.dimensions.expand(given, group)
        assert full.required == {"instrument": "Cam", "detector": 1, "exposure": 2}

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"exposure": 2}, "lacks 'detector'"),
            ({"exposure": 77, "detector": 1}, "77"),
            ({"exposure": 2, "detector": "S77"}, "S77"),
            (
                {"exposure": 2, "detector": 1, "band": "r"},
                r"band 'r' contradicts the rest: .*exposure 2.* have to be 'g'",
            ),
            (
                {"exposure": 2, "detector": 1, "day_obs": 20260103},
                "day_obs 20260103 contradicts the rest: .* have to be 20260102",
            ),
            (
                {"exposure": 2, "detector": 1, "exposure.obs_id": "obs-3"},
                "exposure.obs_id 'obs-3' contradicts the rest: .* have to be 'obs-2'",
            ),
            (
                {"exposure": 2, "detector": 1, "visit": 3},
                "visit 3 contradicts the rest: .* have to be 2",
            ),
            (
                {"band": "r", "exposure.obs_id": "obs-1", "detector": 7},
                "No detector 7",
            ),
            ({"physical_filter": "g1", "detector": 1}, "ambiguous"),
            ({"exposur": 2, "detector": 1}, "Did you mean 'exposure'"),
            ({"exposure.obsid": "obs-2", "detector": 1}, "Did you mean 'obs_id'"),
            ({"exposure": 2.5, "detector": 1}, "integer"),
        ],
    )
    def test_expand_says_what_is_wrong(
        self, registry: Registry, given: dict[str, object], message: str
    ) -> None:
        """Missing, unknown, inconsistent and ambiguous data IDs are refused."""
        fill_survey(registry)
        group = registry.universe.group(["exposure", "detector"])
        with pytest.raises(DataIdError, match=message):
            registry.dimensions.expand(given, group)
