"""What any datastore does: inherit `DatastoreSuite` and give it a fixture."""

# A suite is made of asserts.
# ruff: noqa: S101
from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
import pytest
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.table import Table

from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuid
from pantler.datasets.ref import DatasetRef
from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.interface import SourceFile
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.universe import Universe
from pantler.errors import DatasetNotFoundError, IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pantler.datasets.records import DatastoreRecord
    from pantler.datastores.interface import Datastore
    from pantler.storage.interface import TransferMode

VALUE = {"seeing": 0.7, "stars": [1, 2, 3], "name": "Ωμέγα"}


def make_ref(
    name: str = "metrics",
    *,
    storage_class: str = "StructuredDict",
    run: str = "u/me/run",
    **data_id: Any,
) -> DatasetRef:
    """Return a ref of instrument, visit and detector, with defaults for each."""
    group = Universe.default().group(["visit", "detector"])
    values = {"instrument": "Demo", "visit": 3, "detector": 1, **data_id}
    return DatasetRef(
        DatasetType(name, group, storage_class),
        DataCoordinate.from_mapping(values, group),
        run,
        make_uuid(),
    )


def make_image() -> CCDData:
    """Return a small image with a mask, an uncertainty and a header."""
    data = np.arange(12.0).reshape(3, 4)
    image = CCDData(
        data,
        unit="electron / s",
        header={"OBJECT": "M13"},
        uncertainty=VarianceUncertainty(data + 1),
    )
    image.mask = data > 7
    return image


def _of(ref: DatasetRef, records: Sequence[DatastoreRecord]) -> list[DatastoreRecord]:
    found = [record for record in records if record.dataset_id == ref.id.bytes]
    assert found
    return found


class _Conversions:
    """What a datastore does with objects of other types."""

    def test_objects_are_converted(self, datastore: Datastore) -> None:
        """What is read is of the storage class that is asked for, as is what is put."""
        ref = make_ref("stars", storage_class="Table")
        records = datastore.write(pl.DataFrame({"mag": [1.5, 2.5]}), ref)
        kept = datastore.read(ref, records)
        assert isinstance(kept, Table)
        assert kept["mag"].tolist() == [1.5, 2.5]
        found = datastore.read(
            ref,
            records,
            parameters={"rows": [("mag", ">", 2)]},
            storage_class=get_storage_class("DataFrame"),
        )
        assert found.rows() == [(2.5,)]
        with pytest.raises(InvalidInputError):
            datastore.read(ref, records, storage_class=get_storage_class("CCDImage"))


class _Many:
    """What any datastore does with many datasets."""

    def test_many_are_written_and_read_at_once(self, datastore: Datastore) -> None:
        """Each as if it were alone, in the order that is asked for."""
        refs = [make_ref(visit=visit) for visit in range(30)]
        values = [{"n": number} for number in range(30)]
        staged = datastore.prepare_many(values, refs)
        staged.publish()
        own = {ref.id.bytes: _of(ref, staged.records) for ref in refs}
        assert list(datastore.read_many(refs, own)) == values
        assert list(datastore.read_many(refs[::-1], own)) == values[::-1]
        for ref, value in zip(refs, values, strict=True):
            assert datastore.read(ref, own[ref.id.bytes]) == value
        got = datastore.read_many([refs[0], make_ref(), refs[1]], own)
        assert next(got) == values[0]
        with pytest.raises(DatasetNotFoundError, match="metrics@"):
            next(got)
        staged.discard()
        assert list(datastore.orphans(lambda _: set())) == []

    def test_one_bad_object_of_many_leaves_nothing(self, datastore: Datastore) -> None:
        """All are prepared, or none."""
        refs = [make_ref(visit=visit) for visit in range(30)]
        with pytest.raises(InvalidInputError, match=r"metrics@.*visit: 29"):
            datastore.prepare_many([*([VALUE] * 29), [1]], refs)
        assert list(datastore.orphans(lambda _: set())) == []
        assert datastore.abandoned() == []


class DatastoreSuite(_Conversions, _Many):
    """The conformance suite of datastore plugins."""

    keeps_bytes: ClassVar[bool] = True
    """Whether it writes bytes, as all but those in memory do."""

    @pytest.fixture
    def datastore(self) -> Datastore:
        """Return an empty datastore; override this."""
        raise NotImplementedError

    def test_an_object_comes_back(self, datastore: Datastore) -> None:
        """What was written is read with the records of the write."""
        ref = make_ref()
        records = datastore.write(VALUE, ref)
        assert datastore.read(ref, records) == VALUE
        assert datastore.exists(records)
        datastore.persist(records)
        assert {record.dataset_id for record in records} == {ref.id.bytes}
        names = {member.name for member in datastore.members}
        assert {record.store for record in records} <= names

    def test_objects_of_many_refs_stay_apart(self, datastore: Datastore) -> None:
        """Type, run and each value of the data ID make a dataset of its own."""
        refs = [
            make_ref(),
            make_ref("other"),
            make_ref(run="u/me/run2"),
            make_ref(visit=31),
            make_ref(visit=1, detector=31),
            make_ref(instrument="Demo_3"),
            make_ref(instrument="../Demo"),
            make_ref(instrument="Demo/3"),
        ]
        written = [datastore.write({"n": n}, ref) for n, ref in enumerate(refs)]
        for number, (ref, records) in enumerate(zip(refs, written, strict=True)):
            assert datastore.read(ref, records) == {"n": number}

    def test_writing_again_replaces(self, datastore: Datastore) -> None:
        """A run that was killed and is repeated meets its own remains."""
        ref = make_ref()
        datastore.write({"first": 1}, ref)
        assert datastore.read(ref, datastore.write(VALUE, ref)) == VALUE

    def test_what_is_prepared_is_published_or_discarded(
        self, datastore: Datastore
    ) -> None:
        """The records are final before anything is visible."""
        kept, dropped = make_ref(), make_ref(visit=4)
        staged = datastore.prepare(VALUE, kept)
        staged.publish()
        assert datastore.read(kept, staged.records) == VALUE
        for publish in (False, True):
            staged = datastore.prepare(VALUE, dropped)
            if publish:
                staged.publish()
            records = list(staged.records)
            staged.discard()
            staged.discard()
            assert not datastore.exists(records)
            assert datastore.find(dropped) == []
        assert datastore.abandoned() == []
        assert list(datastore.orphans(lambda _: set())) == [
            record.path for record in datastore.find(kept)
        ]

    def test_the_path_of_a_write_is_known_before(self, datastore: Datastore) -> None:
        """Who cleans up after a killed writer knows where."""
        ref = make_ref()
        paths = datastore.paths(ref)
        written = datastore.write(VALUE, ref)
        assert list(dict.fromkeys(record.path for record in written)) == paths

    def test_a_dataset_is_found_by_looking(self, datastore: Datastore) -> None:
        """A reader who does not know the records can look for them."""
        ref = make_ref()
        assert datastore.find(ref) == []
        datastore.write(VALUE, ref)
        assert datastore.read(ref, datastore.find(ref)) == VALUE

    def test_another_type_is_refused_and_leaves_nothing(
        self, datastore: Datastore
    ) -> None:
        """The storage class says what a dataset may be."""
        ref = make_ref()
        with pytest.raises(InvalidInputError, match=r"metrics@.*StructuredDict.*list"):
            datastore.write([1], ref)
        if self.keeps_bytes:
            with pytest.raises(InvalidInputError, match="metrics@"):
                datastore.write({"a": object()}, ref)
        assert datastore.find(ref) == []

    def test_a_dataset_without_records_is_not_found(self, datastore: Datastore) -> None:
        """No record, no dataset."""
        with pytest.raises(DatasetNotFoundError, match="metrics@"):
            datastore.read(make_ref(), [])
        assert not datastore.exists([])

    def test_a_deleted_dataset_is_not_found(self, datastore: Datastore) -> None:
        """The error names the ref and the URI; deleting again is not an error."""
        ref = make_ref()
        records = datastore.write(VALUE, ref)
        uri = datastore.uri(records[0])
        for _ in range(2):
            datastore.delete([record.path for record in records])
        assert not datastore.exists(records)
        with pytest.raises(DatasetNotFoundError) as error:
            datastore.read(ref, records)
        assert str(ref) in str(error.value)
        assert uri in str(error.value)

    def test_a_size_or_checksum_that_differs_is_named(
        self, datastore: Datastore
    ) -> None:
        """Bytes that are not those recorded are never returned."""
        ref = make_ref()
        record, *_ = datastore.write(VALUE, ref)
        longer = dataclasses.replace(record, size_bytes=record.size_bytes + 1)
        other = dataclasses.replace(record, checksum=f"blake2b:{'0' * 32}")
        for wrong in (longer, other):
            with pytest.raises(IntegrityError, match=r"metrics@.*recorded"):
                datastore.read(ref, [wrong])
        assert not datastore.exists([longer])

    def test_what_is_not_as_recorded_is_found_with_the_reason(
        self, datastore: Datastore
    ) -> None:
        """Sizes at once, contents when that is asked for."""
        whole, *_ = datastore.write(VALUE, make_ref())
        gone, *_ = datastore.write(VALUE, make_ref(visit=4))
        datastore.delete([gone.path])
        longer = dataclasses.replace(whole, size_bytes=whole.size_bytes + 1)
        other = dataclasses.replace(whole, checksum=f"blake2b:{'0' * 32}")
        given = [whole, gone, longer, other]
        found = list(datastore.verify(given))
        assert [record for record, _ in found][:2] == [gone, longer]
        assert len(found) == (2 if self.keeps_bytes else 3)
        found = list(datastore.verify(given, content=True))
        assert [record for record, _ in found] == [gone, longer, other]
        problems = [problem for _, problem in found]
        assert "missing" in problems[0]
        if not self.keeps_bytes:
            return
        assert "bytes are there" in problems[1]
        assert "checksum" in problems[2]

    def test_unknown_components_and_parameters_are_refused(
        self, datastore: Datastore
    ) -> None:
        """The storage class says what can be asked."""
        ref = make_ref()
        records = datastore.write(VALUE, ref)
        with pytest.raises(InvalidInputError, match="no component 'wcs'"):
            datastore.read(ref, records, component="wcs")
        with pytest.raises(InvalidInputError, match="no parameter 'cutout'"):
            datastore.read(ref, records, parameters={"cutout": (0, 1, 0, 1)})

    def test_a_composite_comes_back_whole_and_by_component(
        self, datastore: Datastore
    ) -> None:
        """Whether the datastore keeps it in one file or takes it apart."""
        ref = make_ref("calexp", storage_class="CCDImage")
        image = make_image()
        records = datastore.write(image, ref)
        assert {record.path for record in records} <= set(datastore.paths(ref))
        for given in (records, datastore.find(ref)):
            whole = datastore.read(ref, given)
            assert np.array_equal(whole.data, image.data)
            assert np.array_equal(whole.mask, image.mask)
            assert np.array_equal(whole.uncertainty.array, image.uncertainty.array)
            assert type(whole.uncertainty) is type(image.uncertainty)
            assert (whole.unit, whole.wcs, whole.psf) == (image.unit, None, None)
            assert whole.header["OBJECT"] == "M13"
        data = datastore.read(ref, records, component="data")
        assert np.array_equal(data, image.data)
        assert datastore.read(ref, records, component="header")["OBJECT"] == "M13"
        assert datastore.read(ref, records, component="wcs") is None
        cutout = {"cutout": (1, 3, 0, 2)}
        part = datastore.read(ref, records, parameters=cutout)
        assert np.array_equal(part.data, image.data[1:3, 0:2])
        assert np.array_equal(part.mask, image.mask[1:3, 0:2])
        mask = datastore.read(ref, records, component="mask", parameters=cutout)
        assert np.array_equal(mask, image.mask[1:3, 0:2])
        assert part.uncertainty.array.shape == (2, 2)
        with pytest.raises(InvalidInputError, match="no component 'nose'"):
            datastore.read(ref, records, component="nose")
        with pytest.raises(InvalidInputError, match="no parameter 'x'"):
            datastore.read(ref, records, parameters={"x": 1})
        with pytest.raises(InvalidInputError, match="exceeds"):
            datastore.read(ref, records, parameters={"cutout": (0, 9, 0, 2)})
        datastore.delete([record.path for record in records])
        assert datastore.find(ref) == []

    def test_packed_datasets_come_back_one_by_one(self, datastore: Datastore) -> None:
        """Many datasets are one artifact, in one call or several."""
        refs = [make_ref(visit=visit) for visit in range(20)]
        values = [
            (ref, json.dumps({"n": number}).encode()) for number, ref in enumerate(refs)
        ]
        records = datastore.pack(values[:7]) + datastore.pack(values[7:])
        if self.keeps_bytes:
            stores = {record.store for record in records}
            assert len({record.path for record in records}) == 2 * len(stores)
        for number, ref in enumerate(refs):
            own = _of(ref, records)
            assert datastore.exists(own)
            for record in own:
                assert datastore.read(ref, [record]) == {"n": number}
        assert list(datastore.verify(records, content=True)) == []

    def test_a_pack_is_published_or_discarded(self, datastore: Datastore) -> None:
        """As all that is prepared."""
        ref = make_ref()
        staged = datastore.prepare_pack([(ref, b'{"a": 1}')])
        staged.publish()
        assert datastore.read(ref, staged.records) == {"a": 1}
        staged.discard()
        assert not datastore.exists(staged.records)

    def test_a_pack_is_of_one_type_and_run(self, datastore: Datastore) -> None:
        """Packs are deleted with their run."""
        pairs = [(make_ref(), b"{}"), (make_ref(run="other"), b"{}")]
        with pytest.raises(InvalidInputError, match="run"):
            datastore.pack(pairs)
        assert datastore.pack([]) == []

    @pytest.mark.parametrize("stays", [False, True])
    @pytest.mark.parametrize("mode", ["copy", "move", "direct"])
    def test_files_of_other_programs_become_datasets(
        self, datastore: Datastore, tmp_path: Path, mode: TransferMode, *, stays: bool
    ) -> None:
        """A source goes only if it is to be moved, and only when that is asked for.

        Whoever changes one that stays does not change the dataset.
        """
        if mode == "move" and not self.keeps_bytes:
            pytest.skip("nothing would be left of the file")
        files = []
        for visit in (1, 2):
            source = tmp_path / f"a b%20{visit}.json"
            source.write_text(json.dumps({"n": visit}))
            files.append(SourceFile(make_ref(visit=visit), source, "json"))
        staged = datastore.prepare_files(files, mode)
        staged.publish()
        assert all(file.path.exists() for file in files)
        if not stays:
            staged.remove_sources(lambda *_: [])
        staged.part_from_sources()
        is_there = stays or mode != "move"
        assert all(file.path.exists() == is_there for file in files)
        if is_there and mode != "direct":
            for file in files:
                with file.path.open("r+") as opened:
                    opened.write('{"n": 7')
        for file in files:
            number = file.ref.data_id["visit"]
            for record in _of(file.ref, staged.records):
                assert datastore.read(file.ref, [record]) == {"n": number}
        datastore.delete([record.path for record in staged.records])
        assert all(file.path.exists() == is_there for file in files)
        assert datastore.abandoned() == []

    def test_one_missing_file_leaves_nothing_of_the_others(
        self, datastore: Datastore, tmp_path: Path
    ) -> None:
        """All are prepared, or none."""
        source = tmp_path / "a.json"
        source.write_text("{}")
        files = [
            SourceFile(make_ref(visit=1), source, "json"),
            SourceFile(make_ref(visit=2), tmp_path / "none", "json"),
        ]
        with pytest.raises(DatasetNotFoundError, match="none"):
            datastore.prepare_files(files, "move" if self.keeps_bytes else "copy")
        assert source.exists()
        assert datastore.abandoned() == []
        assert list(datastore.orphans(lambda _: set())) == []
