"""What a registry says of what is to be removed, and what it notes when it is.

Part of `pantler.testing.registry.RegistrySuite`. Besides ``registry`` it needs a
fixture ``open_again``: a function that opens the same registry once more, for writing;
and ``leave_uuid``: one that has a UUID lead to the place of another dataset.
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.records import DatastoreRecord, records_to_frame
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DataIdError,
    InvalidInputError,
)
from pantler.queries.query import DatasetSearch, Query
from pantler.testing.survey import bias_type, fill_survey, insert_some, raw_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.registry.interface import Registry

    OpenAgain = Callable[[], Registry]

DAY = {"instrument": "Cam", "day_obs": 20260101}


def _record(dataset_id: bytes, path: str, **more: object) -> DatastoreRecord:
    values = {"component": "", "offset": None, "size_bytes": 7, **more}
    return DatastoreRecord(
        dataset_id=dataset_id,
        store="files",
        path=path,
        checksum=None,
        formatter="json",
        storage_class="X",
        **values,  # type: ignore[arg-type]
    )


def _paths(registry: Registry, name: str = "store") -> list[str]:
    found = registry.record_table(name).discarded(100)
    assert all(one.store == "files" for one in found)
    assert [one.id for one in found] == sorted({one.id for one in found})
    return sorted(one.path for one in found)


class TrashSuite:
    """Paths of records that are gone."""

    def test_what_deleted_records_name_is_noted(self, registry: Registry) -> None:
        """Each path once, by datastore, until it is forgotten."""
        fill_survey(registry)
        ids = insert_some(registry, bias_type(registry), "run")
        table, other = registry.record_table("store"), registry.record_table("other")
        table.insert(
            records_to_frame(
                [
                    _record(ids[0], "a", component="image"),
                    _record(ids[0], "b", component="wcs"),
                    _record(ids[1], "pack", offset=0),
                    _record(ids[2], "pack", offset=7),
                    _record(ids[3], "c"),
                ]
            )
        )
        other.insert(records_to_frame([_record(ids[3], "d")]))
        registry.datasets.delete(ids[:2])
        assert _paths(registry) == ["a", "b", "pack"]
        assert _paths(registry, "other") == []
        table.delete([ids[3]])
        assert _paths(registry) == ["a", "b", "c", "pack"]
        registry.datasets.delete([ids[3]])
        assert _paths(registry, "other") == ["d"]
        assert table.paths_in_use(["a", "b", "c", "pack"]) == {"pack"}
        first, second = table.discarded(2)
        rest = table.discarded(100, after=second.id)
        assert len(rest) == 2
        table.forget_discarded([first.id, second.id])
        assert table.discarded(100) == rest
        table.forget_discarded([])
        table.forget_discarded([one.id for one in rest])
        assert _paths(registry) == []
        assert _paths(registry, "other") == ["d"]

    def test_a_path_that_is_recorded_again_is_not_removed(
        self, registry: Registry
    ) -> None:
        """Its note goes with the new record, of this datastore only."""
        fill_survey(registry)
        ids = insert_some(registry, bias_type(registry), "run")
        for name in ("store", "other"):
            table = registry.record_table(name)
            table.insert(records_to_frame([_record(ids[0], "a"), _record(ids[1], "b")]))
            table.delete(ids[:2])
        table = registry.record_table("store")
        table.insert(records_to_frame([_record(ids[0], "a")]))
        assert _paths(registry) == ["b"]
        assert _paths(registry, "other") == ["a", "b"]

    def test_a_note_is_undone_with_its_transaction(self, registry: Registry) -> None:
        """Nothing is removed that is still recorded."""
        fill_survey(registry)
        ids = insert_some(registry, bias_type(registry), "run")
        registry.record_table("store").insert(records_to_frame([_record(ids[0], "a")]))
        with pytest.raises(ZeroDivisionError), registry.transaction():  # noqa: PT012 - all fails
            registry.datasets.delete(ids)
            assert _paths(registry) == ["a"]
            raise ZeroDivisionError
        assert _paths(registry) == []
        assert registry.datasets.get(ids[0]) is not None

    def test_who_records_a_path_waits_for_who_removes_its_old_file(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """So the new file comes after the old one has gone, and stays."""
        fill_survey(registry)
        ids = insert_some(registry, bias_type(registry), "run")
        table = registry.record_table("store")
        table.insert(records_to_frame([_record(ids[0], "a"), _record(ids[1], "b")]))
        table.delete(ids[:2])
        order: list[str] = []
        begun = threading.Event()

        def record() -> None:
            with closing(open_again()) as own:
                assert begun.wait(timeout=30)
                new = records_to_frame([_record(ids[0], "a")])
                own.record_table("store").insert(new)
                order.append("recorded")

        with ThreadPoolExecutor(1) as pool:
            recording = pool.submit(record)
            with registry.transaction():
                notes = table.discarded(10)
                begun.set()
                time.sleep(0.3)
                order.append("removed")
                table.forget_discarded([note.id for note in notes])
            recording.result(timeout=30)
        assert order == ["removed", "recorded"]
        assert _paths(registry) == []

    def test_who_asks_for_the_same_bytes_waits_for_who_is_recording_them(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """So that no file goes which a dataset has just been made of."""
        fill_survey(registry)
        ids = insert_some(registry, bias_type(registry), "run")
        registry.record_table("store")  # is there before the two begin
        begun = threading.Event()

        def record() -> None:
            with closing(open_again()) as own, own.transaction():
                new = records_to_frame([_record(ids[0], "file:///a")])
                own.record_table("store").insert(new)
                begun.set()
                time.sleep(0.3)

        with ThreadPoolExecutor(1) as pool:
            recording = pool.submit(record)
            assert begun.wait(timeout=30)
            with registry.transaction():
                found = registry.record_table("store").find_same([], ["file:///a"])
            recording.result(timeout=30)
        assert [one.dataset_id for one in found] == [ids[0]]

    def test_two_who_remove_files_share_them(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Each note is seen to once, and none is left."""
        fill_survey(registry)
        ids = insert_some(registry, raw_type(registry), "run")
        table = registry.record_table("store")
        records = [_record(one, f"p{at}") for at, one in enumerate(ids)]
        table.insert(records_to_frame(records))
        table.delete(ids)
        seen: list[str] = []

        def empty() -> None:
            with closing(open_again()) as own:
                mine, after = own.record_table("store"), 0
                while True:
                    with own.transaction():
                        notes = mine.discarded(2, after=after)
                        if not notes:
                            return
                        after = notes[-1].id
                        mine.forget_discarded([note.id for note in notes])
                    seen.extend(note.path for note in notes)

        with ThreadPoolExecutor(3) as pool:
            for each in [pool.submit(empty) for _ in range(3)]:
                each.result(timeout=30)
        assert sorted(seen) == sorted(record.path for record in records)
        assert _paths(registry) == []


class TallySuite:
    """What there is to be removed."""

    def test_datasets_are_counted_where_they_are(self, registry: Registry) -> None:
        """By run and type, with their bytes, and by the collections that hold them."""
        fill_survey(registry)
        raw, bias = raw_type(registry), bias_type(registry)
        raws = insert_some(registry, raw, "one", [1])
        biases = insert_some(registry, bias, "one")
        more = insert_some(registry, bias, "two")
        collections = registry.collections
        for name, kind in (
            ("tag", CollectionType.TAGGED),
            ("none", CollectionType.TAGGED),
            ("calib", CollectionType.CALIBRATION),
        ):
            collections.register(name, kind)
        collections.associate("tag", [*raws[:3], *more[:1]])
        collections.certify("calib", biases, Timespan(0, 10))
        collections.certify("calib", biases[:1], Timespan(20, 30))
        registry.record_table("store").insert(
            records_to_frame(
                [
                    _record(raws[0], "a", component="x"),
                    _record(raws[0], "b", component="y"),
                    _record(raws[1], "c"),
                    _record(more[0], "d"),
                ]
            )
        )
        self._check_runs(registry)
        ids = [raws[0], raws[0], more[0], more[1], b"x" * 16]
        tally = registry.removals.tally(ids)
        assert tally.datasets.rows() == [
            ("one", "raw", 1, 1, 14),
            ("two", "bias", 2, 1, 7),
        ]
        assert tally.members.rows() == [("tag", "bias", 1), ("tag", "raw", 1)]

    @staticmethod
    def _check_runs(registry: Registry) -> None:
        tally = registry.removals.tally_runs(["one"])
        assert tally.datasets.columns == [
            "run",
            "dataset_type",
            "datasets",
            "stored",
            "size_bytes",
        ]
        assert tally.datasets.rows() == [
            ("one", "bias", 4, 0, 0),
            ("one", "raw", 4, 2, 21),
        ]
        assert tally.members.columns == ["collection", "dataset_type", "datasets"]
        assert tally.members.rows() == [("calib", "bias", 4), ("tag", "raw", 3)]
        for empty in (registry.removals.tally([]), registry.removals.tally_runs([])):
            assert empty.datasets.is_empty()
            assert empty.members.is_empty()
        with pytest.raises(CollectionNotFoundError, match="'onne'"):
            registry.removals.tally_runs(["one", "onne"])
        with pytest.raises(InvalidInputError, match="TAGGED"):
            registry.removals.tally_runs(["tag"])

    def test_a_uuid_that_is_left_over_leads_to_no_other_dataset(
        self, registry: Registry, leave_uuid: Callable[[Registry, bytes, bytes], None]
    ) -> None:
        """Nor is that one removed with it."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run", [1])
        old = bytes(range(16))
        leave_uuid(registry, old, ids[0])
        assert registry.datasets.get(old) is None
        assert registry.removals.tally([old]).datasets.is_empty()
        assert registry.removals.left_over() == [old]
        registry.datasets.delete([old])
        assert registry.removals.left_over() == []
        assert all(registry.datasets.get(one) for one in ids)
        registry.datasets.delete(ids)
        assert not any(registry.datasets.get(one) for one in ids)

    def test_data_ids_without_datasets_are_forgotten(self, registry: Registry) -> None:
        """Once, and not those of datasets that are left, or of a collection."""
        fill_survey(registry)
        raw, bias = raw_type(registry), bias_type(registry)
        old = insert_some(registry, raw, "one", [1, 2])
        kept = insert_some(registry, raw, "two", [2, 3])
        calibrations = insert_some(registry, bias, "one")
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.certify("calib", calibrations, Timespan(0, 9))
        assert registry.removals.collect_data_ids() == 0
        registry.datasets.delete(old)
        assert registry.removals.collect_data_ids() == len(old) // 2
        assert registry.removals.collect_data_ids() == 0
        left = [registry.datasets.get(one) for one in (*kept, *calibrations)]
        assert all(left)
        group = raw.dimensions
        search = DatasetSearch(raw, ("two",))
        assert registry.count(Query(group, target=search)) == len(kept)
        again = insert_some(registry, raw, "three", [1, 2])
        assert all(registry.datasets.get(one) for one in again)
        search = DatasetSearch(raw, ("three", "two"), find_first=False)
        assert registry.count(Query(group, target=search)) == len(again) + len(kept)

    def test_no_data_id_is_forgotten_that_is_being_taken_up_again(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Not even before the dataset that has it can be seen by others."""
        fill_survey(registry)
        raw = raw_type(registry)
        registry.datasets.delete(insert_some(registry, raw, "one"))
        registry.collections.register("two", CollectionType.RUN)

        def collect() -> int:
            with closing(open_again()) as own:
                return own.removals.collect_data_ids()

        with ThreadPoolExecutor(1) as pool:
            with registry.transaction():
                ids = insert_some(registry, raw, "two")
                collecting = pool.submit(collect)
                time.sleep(0.3)
            assert collecting.result(timeout=60) == 0
        assert all(registry.datasets.get(one) for one in ids)
        search = DatasetSearch(raw, ("two",))
        assert registry.count(Query(raw.dimensions, target=search)) == len(ids)

    def test_data_ids_are_forgotten_while_others_take_them_up(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """What is inserted then is found."""
        fill_survey(registry)
        raw = raw_type(registry)
        stop = threading.Event()

        def collect() -> int:
            gone = 0
            with closing(open_again()) as own:
                while not stop.is_set():
                    gone += own.removals.collect_data_ids()
            return gone

        def insert(run: str) -> None:
            with closing(open_again()) as own:
                for _ in range(15):
                    ids = insert_some(own, raw, run)
                    assert all(own.datasets.get(one) for one in ids)
                    search = DatasetSearch(raw, (run,))
                    assert own.count(Query(raw.dimensions, target=search)) == len(ids)
                    own.datasets.delete(ids)

        with ThreadPoolExecutor(3) as pool:
            collecting = pool.submit(collect)
            inserting = [pool.submit(insert, run) for run in ("one", "two")]
            try:
                for each in inserting:
                    each.result(timeout=120)
            finally:
                stop.set()
            gone = collecting.result(timeout=60)
        assert gone + registry.removals.collect_data_ids() > 0

    def test_a_run_is_emptied_in_parts(self, registry: Registry) -> None:
        """Until nothing is left; others stay."""
        fill_survey(registry)
        raw, bias = raw_type(registry), bias_type(registry)
        mine = [*insert_some(registry, raw, "one"), *insert_some(registry, bias, "one")]
        others = insert_some(registry, bias, "two")
        parts = []
        for part in registry.removals.parts_of_run("one", 5):
            registry.datasets.delete(part)
            parts.append(part)
        assert [len(part) for part in parts] == [5, 5, 5, 1]
        assert sorted(one for part in parts for one in part) == sorted(mine)
        assert list(registry.removals.parts_of_run("one", 5)) == []
        assert all(registry.datasets.get(one) for one in others)
        with pytest.raises(CollectionNotFoundError):
            next(registry.removals.parts_of_run("three", 5))


class DependentSuite:
    """Records that something depends on, and those that nothing does."""

    def test_what_depends_on_a_record_is_known(self, registry: Registry) -> None:
        """Records after those that they refer to, then datasets."""
        fill_survey(registry)
        raw, bias = raw_type(registry), bias_type(registry)
        raws = insert_some(registry, raw, "one", [1, 2])
        raws += insert_some(registry, raw, "two", [1])
        insert_some(registry, bias, "one")
        found = registry.dimensions.dependents("day_obs", [DAY])
        counts = {one.name: one.count for one in found}
        assert counts == {
            "exposure": 1,
            "visit": 1,
            "visit_definition": 1,
            "visit_detector_region": 4,
            "raw": 8,
        }
        names = list(counts)
        assert names.index("visit") < names.index("visit_definition")
        assert names.index("exposure") < names.index("visit_definition")
        assert names[-1] == "raw"
        assert [one.kind for one in found] == [*["records"] * 4, "datasets"]
        exposure = next(one for one in found if one.name == "exposure")
        assert exposure.rows.to_dicts() == [{"instrument": "Cam", "exposure": 1}]
        expected = sorted([*raws[:4], *raws[8:]])
        assert sorted(found[-1].rows["dataset_id"]) == expected
        assert registry.dimensions.dependents("visit_definition", []) == []
        band = registry.dimensions.dependents("band", [{"band": "r"}])
        assert {"physical_filter", "visit", "exposure"} <= {one.name for one in band}

    def test_a_record_in_use_is_not_removed(self, registry: Registry) -> None:
        """The message counts what depends on it, and nothing changes."""
        fill_survey(registry)
        ids = insert_some(registry, raw_type(registry), "run", [1])
        key = {"instrument": "Cam", "exposure": 1}
        with pytest.raises(ConflictError, match="4 'raw' datasets") as caught:
            registry.dimensions.delete("exposure", [key])
        assert "1 'visit_definition' record" in str(caught.value)
        assert registry.dimensions.find("exposure", key) is not None
        registry.datasets.delete(ids)
        with pytest.raises(ConflictError, match="1 'visit_definition' record depend"):
            registry.dimensions.delete("exposure", [key])

    def test_records_are_removed_with_all_that_depends_on_them(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """In the opposite order; others stay, and the same ones can come again."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        dimensions = registry.dimensions
        with closing(open_again()) as other:
            for one in reversed(dimensions.dependents("visit", _visits([1]))):
                assert other.dimensions.delete(one.name, one.rows) == one.count
        assert dimensions.delete("visit", _visits([1, 77])) == 1
        assert _visit_numbers(registry) == [2, 3]
        for kind, rows in (
            ("exposure", [{"instrument": "Cam", "exposure": 1}]),
            ("day_obs", [DAY]),
        ):
            for one in reversed(dimensions.dependents(kind, rows)):
                if one.kind == "datasets":
                    registry.datasets.delete(one.rows["dataset_id"].to_list())
                else:
                    dimensions.delete(one.name, one.rows)
            assert dimensions.delete(kind, rows) == 1
        assert dimensions.find("exposure", {"instrument": "Cam", "exposure": 1}) is None
        assert [one for one in ids if registry.datasets.get(one)] == ids[4:]
        # What overlaps is found by sky pixels: those of the record are gone too.
        group = registry.universe.group(["visit", "tract"])
        assert registry.query(Query(group))["visit"].unique().to_list() == [2]

    def test_a_governor_is_removed(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Who has the registry open knows it at once: another is then the only one."""
        dimensions = registry.dimensions
        for name in ("Cam", "Other"):
            dimensions.insert("instrument", [{"instrument": name}])
        group = registry.universe.group(["instrument"])
        with closing(open_again()) as other:
            with pytest.raises(DataIdError):
                other.dimensions.expand({}, group)
            assert dimensions.delete("instrument", [{"instrument": "Other"}]) == 1
            assert other.dimensions.expand({}, group)["instrument"] == "Cam"

    def test_which_records_must_be_said(self, registry: Registry) -> None:
        """By all dimensions that they require, of the right type."""
        fill_survey(registry)
        delete = registry.dimensions.delete
        with pytest.raises(DataIdError, match="'exposure' is missing"):
            delete("exposure", [{"instrument": "Cam"}])
        with pytest.raises(DataIdError, match="'exposure'"):
            delete("exposure", [{"instrument": "Cam", "exposure": "one"}])
        with pytest.raises(InvalidInputError, match="computed"):
            delete("htm7", [{"htm7": 1}])
        assert delete("exposure", []) == 0


def _visits(numbers: Sequence[int]) -> list[dict[str, object]]:
    return [{"instrument": "Cam", "visit": number} for number in numbers]


def _visit_numbers(registry: Registry) -> list[int]:
    frame = registry.query(Query(registry.universe.group(["visit"]), element="visit"))
    return sorted(frame["visit"].to_list())


class RemovalSuite(TrashSuite, TallySuite, DependentSuite):
    """All of them."""
