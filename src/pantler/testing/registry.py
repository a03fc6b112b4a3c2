"""What any registry must do: a suite that implementations inherit.

Derive a test class from `RegistrySuite` and give it two fixtures: ``registry``, an
empty registry of the default universe, open for writing, and ``open_again``, a function
that opens the same one once more. ::

    class TestMyRegistry(RegistrySuite):
        @pytest.fixture
        def registry(self, tmp_path):
            place = tmp_path / "registry"
            with closing(MyRegistry.create(place, Universe.default())) as registry:
                yield registry

        @pytest.fixture
        def open_again(self, tmp_path):
            return lambda: MyRegistry.open(tmp_path / "registry", writeable=True)
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl
import pytest

from pantler.datasets.collection import Collection, CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.datasets.records import DatastoreRecord, frame_to_records, records_to_frame
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DataIdError,
    DatasetNotFoundError,
    DatasetTypeNotFoundError,
    InvalidInputError,
)
from pantler.testing.registry_bulk import BulkSuite
from pantler.testing.registry_certified_queries import CertifiedQuerySuite
from pantler.testing.registry_collections import CollectionChangeSuite
from pantler.testing.registry_dataset_queries import DatasetQuerySuite
from pantler.testing.registry_dimensions import DimensionSuite
from pantler.testing.registry_pixel_queries import PixelQuerySuite
from pantler.testing.registry_queries import QuerySuite
from pantler.testing.registry_removals import RemovalSuite
from pantler.testing.registry_sameness import SamenessSuite
from pantler.testing.registry_selection_queries import (
    FieldQuerySuite,
    SelectionQuerySuite,
)
from pantler.testing.registry_sharing import SharingSuite
from pantler.testing.registry_streamed_queries import StreamedQuerySuite
from pantler.testing.registry_universe import UniverseSuite
from pantler.testing.survey import (
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

if TYPE_CHECKING:
    from pantler.registry.interface import Registry


def _data_id(registry: Registry, **values: object) -> DataCoordinate:
    full = {"instrument": "Cam", **values}
    return DataCoordinate.from_mapping(full, registry.universe.group(values))


class CollectionSuite:
    """Dataset types and collections."""

    def test_a_dataset_type_is_registered_once(self, registry: Registry) -> None:
        """An equal one is not a conflict, a different one is."""
        raw = raw_type(registry)
        assert not registry.dataset_types.register(raw)
        assert registry.dataset_types.get("raw") == raw
        assert registry.dataset_types.all() == [raw]
        other = DatasetType("raw", registry.universe.group(["visit"]), "StructuredDict")
        with pytest.raises(ConflictError, match="dimensions"):
            registry.dataset_types.register(other)
        with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'raw'"):
            registry.dataset_types.get("raws")

    def test_a_registration_that_is_undone_leaves_nothing(
        self, registry: Registry
    ) -> None:
        """Types of other dimensions take its place, in this process and in others."""
        fill_survey(registry)
        with pytest.raises(ZeroDivisionError), registry.transaction():  # noqa: PT012 - all fails
            insert_some(registry, raw_type(registry), "undone")
            raise ZeroDivisionError
        assert registry.dataset_types.find("raw") is None
        for make in (bias_type, raw_type):
            dataset_type = make(registry)
            ids = insert_some(registry, dataset_type, "run")
            refs = [registry.datasets.get(one) for one in ids]
            assert {ref and ref.dataset_type for ref in refs} == {dataset_type}
            first = refs[0]
            assert first is not None
            assert registry.datasets.find(dataset_type, first.data_id, ["run"]) == first

    def test_chains_are_searched_in_order_and_each_once(
        self, registry: Registry
    ) -> None:
        """Nested chains are resolved where they stand."""
        collections = registry.collections
        for name in "abc":
            collections.register(name, CollectionType.RUN)
        collections.set_chain("inner", ["c", "a"])
        collections.set_chain("outer", ["b", "inner", "b"])
        assert [c.name for c in collections.flatten(["outer", "a"])] == ["b", "c", "a"]
        chained = Collection("outer", CollectionType.CHAINED, "", ("b", "inner"))
        assert collections.get("outer") == chained

    def test_a_chain_is_set_as_a_whole_and_alone(self, registry: Registry) -> None:
        """What it searched before is forgotten; other chains stay as they are."""
        collections = registry.collections
        for name in "abc":
            collections.register(name, CollectionType.RUN)
        collections.set_chain("one", ["a", "b", "c"])
        collections.set_chain("two", ["b", "a"])
        collections.set_chain("one", ["c"])
        assert collections.get("one").children == ("c",)
        assert collections.get("two").children == ("b", "a")
        with pytest.raises(CollectionNotFoundError, match="'d'"):
            collections.set_chain("two", ["a", "d"])
        with pytest.raises(ConflictError, match="RUN"):
            collections.set_chain("a", ["b"])
        assert collections.get("two").children == ("b", "a")
        collections.remove("one")
        collections.remove("c")
        assert [c.name for c in collections.all()] == ["a", "b", "two"]

    @pytest.mark.parametrize(
        "name", ["", " ", "a*", "a?", "a,b", "a\nb", " a", "a ", "*"]
    )
    def test_a_name_can_be_written_in_a_search(
        self, registry: Registry, name: str
    ) -> None:
        """It is not empty, not a pattern, not a list, and has no blanks around it."""
        with pytest.raises(InvalidInputError, match="cannot name a collection"):
            registry.collections.register(name, CollectionType.RUN)
        assert registry.collections.all() == []
        assert registry.collections.register("u/a b.c-d_e", CollectionType.RUN, "Why")
        assert registry.collections.get("u/a b.c-d_e").doc == "Why"

    def test_a_chain_cannot_search_itself(self, registry: Registry) -> None:
        """Directly or by others."""
        registry.collections.set_chain("inner", [])
        registry.collections.set_chain("outer", ["inner"])
        with pytest.raises(InvalidInputError, match="itself"):
            registry.collections.set_chain("inner", ["outer"])

    def test_a_name_has_one_type(self, registry: Registry) -> None:
        """Registering it again returns False; another type is a conflict."""
        assert registry.collections.register("a", CollectionType.RUN)
        assert not registry.collections.register("a", CollectionType.RUN)
        with pytest.raises(ConflictError, match="RUN"):
            registry.collections.register("a", CollectionType.TAGGED)
        with pytest.raises(CollectionNotFoundError, match="Did you mean"):
            registry.collections.get("aa")

    def test_a_collection_in_use_is_not_removed(self, registry: Registry) -> None:
        """A child, and a run with datasets; others are."""
        fill_survey(registry)
        insert_some(registry, raw_type(registry), "full")
        registry.collections.register("empty", CollectionType.RUN)
        registry.collections.set_chain("chain", ["empty"])
        for name in ("full", "empty"):
            with pytest.raises(ConflictError, match=name):
                registry.collections.remove(name)
        registry.collections.remove("chain")
        registry.collections.remove("empty")
        assert [c.name for c in registry.collections.all()] == ["full"]

    def test_a_collection_knows_its_dataset_types(self, registry: Registry) -> None:
        """Also a chain, of its children."""
        fill_survey(registry)
        insert_some(registry, raw_type(registry), "one")
        insert_some(registry, bias_type(registry), "two")
        registry.collections.set_chain("both", ["one", "two"])
        assert registry.collections.dataset_types("one") == ["raw"]
        assert registry.collections.dataset_types("both") == ["bias", "raw"]


class DatasetSuite:
    """Datasets and what collections do with them."""

    def test_a_dataset_is_found_by_data_id_and_by_uuid(
        self, registry: Registry
    ) -> None:
        """Both give the same ref."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        data_id = _data_id(registry, exposure=1, detector=2)
        ref = registry.datasets.find(raw, data_id, ["run"])
        assert ref is not None
        assert (ref.id.bytes, ref.run, ref.data_id) == (ids[2], "run", data_id)
        assert registry.datasets.get(ids[2]) == ref
        assert registry.datasets.get(make_uuids(1).tobytes()) is None

    def test_the_first_collection_that_has_it_counts(self, registry: Registry) -> None:
        """Runs, tags and chains, in the order given."""
        fill_survey(registry)
        raw = raw_type(registry)
        first = insert_some(registry, raw, "first", [1])
        second = insert_some(registry, raw, "second", [1, 2])
        registry.collections.register("tag", CollectionType.TAGGED)
        registry.collections.associate("tag", second[:1])
        registry.collections.set_chain("chain", ["tag", "first", "second"])

        def found(collections: list[str], **values: object) -> bytes | None:
            data_id = _data_id(registry, **values)
            ref = registry.datasets.find(raw, data_id, collections)
            return None if ref is None else ref.id.bytes

        assert found(["first", "second"], exposure=1, detector=0) == first[0]
        assert found(["second", "first"], exposure=1, detector=0) == second[0]
        assert found(["chain"], exposure=1, detector=0) == second[0]
        assert found(["chain"], exposure=1, detector=1) == first[1]
        assert found(["chain"], exposure=2, detector=1) == second[5]
        assert found(["first"], exposure=2, detector=1) is None

    def test_a_run_holds_one_dataset_of_a_data_id(self, registry: Registry) -> None:
        """The message names it, and nothing of the call is done."""
        fill_survey(registry)
        raw = raw_type(registry)
        insert_some(registry, raw, "run", [1])
        with pytest.raises(ConflictError, match="exposure: 1"):
            insert_some(registry, raw, "run", [2, 1])
        data_id = _data_id(registry, exposure=2, detector=1)
        assert registry.datasets.find(raw, data_id, ["run"]) is None

    def test_a_uuid_is_used_once(self, registry: Registry) -> None:
        """Also in another run."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run", [1])
        registry.collections.register("other", CollectionType.RUN)
        frame = pl.DataFrame({"instrument": "Cam", "detector": 0, "exposure": 1})
        with pytest.raises(ConflictError, match="in use"):
            registry.datasets.insert(
                raw, "other", frame, pl.Series([ids[3]], dtype=pl.Binary)
            )

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            (pl.lit(77).alias("exposure"), "exposure: 77"),
            (pl.lit(None, pl.Int64).alias("exposure"), "null"),
            (pl.lit("x").alias("exposure"), "exposure"),
            (pl.lit("1").alias("exposure"), "integer"),
            (pl.lit(1.7).alias("exposure"), "integer"),
            (pl.lit(value=True).alias("exposure"), "integer"),
            (pl.lit(2**63, pl.UInt64).alias("exposure"), "exposure"),
            (pl.lit(1).alias("instrument"), "text"),
        ],
    )
    def test_data_ids_must_be_known(
        self, registry: Registry, column: pl.Expr, message: str
    ) -> None:
        """Unknown, missing and mistyped values are refused."""
        fill_survey(registry)
        raw = raw_type(registry)
        registry.collections.register("run", CollectionType.RUN)
        frame = pl.DataFrame({"instrument": "Cam", "detector": [0, 1], "exposure": 1})
        with pytest.raises(DataIdError, match=message):
            registry.datasets.insert(
                raw, "run", frame.with_columns(column), uuid_series(make_uuids(2))
            )

    def test_data_ids_must_be_whole(self, registry: Registry) -> None:
        """What they lack is named, with what they have."""
        fill_survey(registry)
        raw = raw_type(registry)
        registry.collections.register("run", CollectionType.RUN)
        frame = pl.DataFrame({"instrument": "Cam", "detector": [0, 1]})
        with pytest.raises(DataIdError, match=r"'exposure'.*have instrument, detector"):
            registry.datasets.insert(raw, "run", frame, uuid_series(make_uuids(2)))

    @pytest.mark.parametrize(
        ("ids", "message"),
        [
            (pl.Series([b"x" * 16], dtype=pl.Binary), "2 data IDs"),
            (pl.Series([b"x" * 16, None], dtype=pl.Binary), "missing"),
            (pl.Series([b"x" * 16, b"y" * 15], dtype=pl.Binary), "16 bytes"),
            (pl.Series(["x" * 16, "y" * 16]), "16 bytes"),
            (pl.Series([b"x" * 16, b"x" * 16], dtype=pl.Binary), "given twice"),
        ],
    )
    def test_each_dataset_has_an_id(
        self, registry: Registry, ids: pl.Series, message: str
    ) -> None:
        """Of 16 bytes, and each its own; or nothing is inserted."""
        fill_survey(registry)
        raw = raw_type(registry)
        registry.collections.register("run", CollectionType.RUN)
        frame = pl.DataFrame({"instrument": "Cam", "detector": [0, 1], "exposure": 1})
        with pytest.raises((InvalidInputError, ConflictError), match=message):
            registry.datasets.insert(raw, "run", frame, ids)
        assert registry.datasets.get(b"x" * 16) is None

    def test_datasets_without_dimensions_exist(self, registry: Registry) -> None:
        """One to a run."""
        config = DatasetType("config", registry.universe.group([]), "StructuredDict")
        registry.dataset_types.register(config)
        registry.collections.register("run", CollectionType.RUN)
        one = pl.DataFrame(height=1)
        registry.datasets.insert(config, "run", one, uuid_series(make_uuids(1)))
        empty = DataCoordinate(config.dimensions, ())
        assert registry.datasets.find(config, empty, ["run"]) is not None
        with pytest.raises(ConflictError):
            registry.datasets.insert(config, "run", one, uuid_series(make_uuids(1)))

    def test_a_tag_holds_one_dataset_of_a_data_id(self, registry: Registry) -> None:
        """A later one replaces it; taking out another's changes nothing."""
        fill_survey(registry)
        raw = raw_type(registry)
        one = insert_some(registry, raw, "one", [1])
        two = insert_some(registry, raw, "two", [1])
        registry.collections.register("tag", CollectionType.TAGGED)
        registry.collections.associate("tag", one)
        registry.collections.associate("tag", two[:1])
        registry.collections.disassociate("tag", [one[0], one[1]])
        found = [
            registry.datasets.find(
                raw, _data_id(registry, exposure=1, detector=d), ["tag"]
            )
            for d in (0, 1, 2)
        ]
        ids = [None if ref is None else ref.id.bytes for ref in found]
        assert ids == [two[0], None, one[2]]
        with pytest.raises(ConflictError, match="several") as caught:
            registry.collections.associate("tag", [*one, *two])
        assert str(caught.value).count("raw@") == 3  # examples, not all

    def test_only_datasets_that_exist_can_be_members(self, registry: Registry) -> None:
        """Unknown IDs are named, and nothing of the call is done."""
        fill_survey(registry)
        bias = bias_type(registry)
        known, unknown = insert_some(registry, bias, "run"), make_uuids(1).tobytes()
        registry.collections.register("tag", CollectionType.TAGGED)
        registry.collections.register("calib", CollectionType.CALIBRATION)
        collections = registry.collections
        span = Timespan(0, 100)
        named = str(UUID(bytes=unknown))
        with pytest.raises(DatasetNotFoundError, match=named):
            collections.associate("tag", [*known, unknown])
        with pytest.raises(DatasetNotFoundError, match=named):
            collections.certify("calib", [*known, unknown], span)
        data_id = _data_id(registry, detector=1)
        for name in ("tag", "calib"):
            assert registry.datasets.find(bias, data_id, [name], span) is None
        for name, kind in (("run", "RUN"), ("calib", "CALIBRATION")):
            with pytest.raises(InvalidInputError, match=f"{kind}, not TAGGED"):
                collections.associate(name, known)
        with pytest.raises(InvalidInputError, match="TAGGED, not CALIBRATION"):
            collections.certify("tag", known, span)

    def test_calibrations_are_found_by_time(self, registry: Registry) -> None:
        """Validity is half-open; without a time there is no match."""
        fill_survey(registry)
        bias = bias_type(registry)
        old, new = (
            insert_some(registry, bias, "old"),
            insert_some(registry, bias, "new"),
        )
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.certify("calib", old, Timespan(0, 100))
        registry.collections.certify("calib", new, Timespan(100, 200))
        data_id = _data_id(registry, detector=1)

        def found(span: Timespan | None) -> bytes | None:
            ref = registry.datasets.find(bias, data_id, ["calib"], span)
            return None if ref is None else ref.id.bytes

        assert found(Timespan(0, 100)) == old[1]
        assert found(Timespan.instant(100)) == new[1]
        assert found(Timespan.instant(200)) is None
        assert found(None) is None
        with pytest.raises(DataIdError, match="shorter"):
            found(Timespan(99, 101))

    def test_validity_ranges_do_not_overlap(self, registry: Registry) -> None:
        """And only calibrations have one."""
        fill_survey(registry)
        bias, raw = bias_type(registry), raw_type(registry)
        old, new = (
            insert_some(registry, bias, "old"),
            insert_some(registry, bias, "new"),
        )
        raws = insert_some(registry, raw, "raws")
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.certify("calib", old, Timespan(0, 100))
        with pytest.raises(InvalidInputError, match="raw"):
            registry.collections.certify("calib", raws[:1], Timespan(100, 200))
        registry.collections.register("other", CollectionType.CALIBRATION)
        registry.collections.certify("other", new, Timespan(0, 100))

    @pytest.mark.parametrize(
        ("begin", "end", "fits"),
        [
            (50, 101, False),
            (199, 250, False),
            (120, 180, False),
            (50, 250, False),
            (100, 200, False),
            (100, 150, False),
            (150, 200, False),
            (50, 100, True),
            (200, 250, True),
        ],
        ids=[
            "from the left",
            "from the right",
            "inside",
            "outside",
            "equal",
            "equal begin",
            "equal end",
            "adjoining on the left",
            "adjoining on the right",
        ],
    )
    def test_a_range_that_overlaps_another_is_a_conflict(
        self, registry: Registry, begin: int, end: int, *, fits: bool
    ) -> None:
        """The range that is there is 100 to 200; nothing of a failed call is done."""
        fill_survey(registry)
        bias = bias_type(registry)
        old, new = (
            insert_some(registry, bias, "old"),
            insert_some(registry, bias, "new"),
        )
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.certify("calib", old[:1], Timespan(100, 200))
        span = Timespan(begin, end)
        if fits:
            registry.collections.certify("calib", new, span)
        else:
            with pytest.raises(ConflictError, match="detector: 0"):
                registry.collections.certify("calib", new, span)
        for detector, valid in ((0, fits), (1, fits)):
            data_id = _data_id(registry, detector=detector)
            outside = span if fits else Timespan(begin, begin + 1)
            if not fits and detector == 0 and 100 <= begin < 200:
                continue  # the one that was there is found
            found = registry.datasets.find(bias, data_id, ["calib"], outside)
            assert (found is not None) == valid

    def test_deleted_datasets_are_gone_from_everywhere(
        self, registry: Registry
    ) -> None:
        """Runs, tags, validity ranges and records; the others stay."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.register("tag", CollectionType.TAGGED)
        registry.collections.certify("calib", ids, Timespan(0, 100))
        registry.collections.associate("tag", ids)
        table = registry.record_table("store")
        records = [
            DatastoreRecord(i, "files", "", "p", None, 1, None, "json", "X")
            for i in ids
        ]
        table.insert(records_to_frame(records))
        registry.datasets.delete(ids[:2])
        assert [registry.datasets.get(i) is None for i in ids] == [
            True,
            True,
            False,
            False,
        ]
        assert frame_to_records(table.fetch(ids)) == records[2:]
        again = insert_some(registry, bias, "other")
        registry.collections.certify("calib", again[:2], Timespan(0, 100))
        for name in ("tag", "calib"):
            data_id = _data_id(registry, detector=2)
            ref = registry.datasets.find(bias, data_id, [name], Timespan(0, 100))
            assert ref is not None
            assert ref.id.bytes == ids[2]

    def test_records_of_a_datastore_come_back(self, registry: Registry) -> None:
        """With nulls and all; those of others are not seen."""
        fill_survey(registry)
        ids = insert_some(registry, raw_type(registry), "run", [1])
        table = registry.record_table("store")
        kept = [
            DatastoreRecord(ids[0], "files", "", "pack", 5, 7, None, "json", "X"),
            DatastoreRecord(
                ids[1], "files", "a", "file", None, 8, "blake2b:00", "fits", "Y"
            ),
            DatastoreRecord(ids[1], "files", "b", "pack", 0, 8, None, "fits", "Y"),
        ]
        table.insert(records_to_frame(kept))
        assert frame_to_records(table.fetch(ids[:1])) == kept[:1]
        assert sorted(frame_to_records(table.fetch(ids)), key=str) == sorted(
            kept, key=str
        )
        assert registry.record_table("other").fetch(ids).is_empty()
        assert table.paths_in_use(["pack", "file", "none"]) == {"pack", "file"}
        unknown = [replace(kept[1], checksum=None)]
        assert table.find_same(kept[1:2], []) == kept[1:2] + kept[2:]
        assert table.find_same([replace(kept[1], size_bytes=7)], []) == kept[:2]
        assert table.find_same(unknown, []) == kept[1:]
        assert table.find_same([], ["file", "none"]) == kept[1:2]
        assert table.find_same([], []) == []
        table.delete(ids[1:])
        assert table.paths_in_use(["pack", "file"]) == {"pack"}

    def test_a_transaction_is_all_or_nothing(self, registry: Registry) -> None:
        """What failed within a failed part is undone alone, or all of it."""
        fill_survey(registry)
        raw = raw_type(registry)
        with registry.transaction():
            insert_some(registry, raw, "kept")
            with pytest.raises(ConflictError), registry.transaction():  # noqa: PT012 - all fails
                insert_some(registry, raw, "undone", [1])
                insert_some(registry, raw, "kept", [1])
        assert [c.name for c in registry.collections.all()] == ["kept"]
        with pytest.raises(ZeroDivisionError), registry.transaction():  # noqa: PT012 - all fails
            insert_some(registry, raw, "undone", [1])
            raise ZeroDivisionError
        assert [c.name for c in registry.collections.all()] == ["kept"]


class RegistrySuite(
    BulkSuite,
    DimensionSuite,
    CollectionSuite,
    CollectionChangeSuite,
    DatasetSuite,
    RemovalSuite,
    SharingSuite,
    SamenessSuite,
    DatasetQuerySuite,
    CertifiedQuerySuite,
    PixelQuerySuite,
    UniverseSuite,
    SelectionQuerySuite,
    FieldQuerySuite,
    StreamedQuerySuite,
    QuerySuite,
):
    """All of them."""
