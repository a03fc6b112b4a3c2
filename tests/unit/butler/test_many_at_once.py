"""Put and get of many at once: the same as one by one, all or none, and fast."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import polars as pl
import pytest
from astropy.table import Table

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import (
    ConflictError,
    DataIdError,
    DatasetNotFoundError,
    InvalidInputError,
    ReadOnlyError,
)
from pantler.testing.datastores import make_image

COUNT = 60


def _made(root, **datastore):
    settings = RepositorySettings.from_yaml(json.dumps({"datastore": datastore}))
    repository = Repository.create(root, settings=settings)
    butler = Butler.of(repository, run="mine")
    butler.dimensions.insert("instrument", [{"instrument": "Cam"}])
    butler.dimensions.insert(
        "detector",
        [
            {"instrument": "Cam", "detector": n, "full_name": f"S{n}"}
            for n in range(COUNT)
        ],
    )
    butler.collections.register("mine", "run")
    group = butler.universe.group(["detector"])
    for name, storage_class in (("gain", "StructuredDict"), ("image", "CCDImage")):
        butler.dataset_types.register(DatasetType(name, group, storage_class))
    return repository, butler


@pytest.fixture
def made(tmp_path):
    repository, butler = _made(tmp_path / "repo")
    with repository:
        yield repository, butler


def _ids(numbers=range(COUNT)):
    return [{"detector": number} for number in numbers]


def _values(numbers=range(COUNT)):
    return [{"n": number} for number in numbers]


def _stored(repository):
    files = repository.datastore.orphans(lambda _: set())
    return sorted(files)


@pytest.mark.parametrize("pack_below", [0, 8, 65_536])
def test_many_come_back_in_order_however_they_are_stored(tmp_path, pack_below):
    """With 8 bytes, those of one digit are small, but too few for a pack."""
    repository, butler = _made(tmp_path / "repo", pack_below=pack_below)
    with repository:
        refs = butler.put_many(_values(), "gain", _ids())
        assert list(butler.get_many(refs)) == _values()
        assert list(butler.get_many(reversed(refs))) == _values()[::-1]
        assert [butler.get(ref) for ref in refs] == _values()
        assert butler.get("gain", detector="S7", collections="mine") == {"n": 7}
        files = {0: COUNT, 8: COUNT, 65_536: 1}[pack_below]
        assert len(_stored(repository)) == files
        found = list(butler.query_datasets("gain", collections="mine"))
        assert list(butler.get_many(found)) == [
            {"n": ref.data_id["detector"]} for ref in found
        ]
        report = repository.check(deep=True)
        assert (report.remains, report.damaged) == (0, [])


def test_small_ones_go_into_a_pack_and_others_beside_it(tmp_path):
    repository, butler = _made(tmp_path / "repo", pack_below=100)
    with repository:
        values = [{"text": "x" * (1000 if n % 3 else 5)} for n in range(COUNT)]
        refs = butler.put_many(values, "gain", _ids())
        assert len(_stored(repository)) == 1 + COUNT * 2 // 3
        assert list(butler.get_many(refs)) == values


def test_refs_in_place_of_data_ids_say_everything(made):
    _, butler = made
    refs = butler.put_many(_values(), "gain", _ids())
    butler.remove_datasets(refs)
    assert butler.put_many(_values(), refs) == refs
    assert butler.get(refs[3]) == {"n": 3}
    with pytest.raises(InvalidInputError, match="Refs say everything"):
        butler.put_many(_values(), refs, run="other")


def test_large_and_composite_objects_are_read_and_written_several_at_a_time(made):
    _, butler = made
    images = [make_image() for _ in range(5)]
    refs = butler.put_many(images, "image", _ids(range(5)))
    got = list(butler.get_many(refs, cutout=(1, 3, 0, 2)))
    assert [image.data.tolist() for image in got] == [[[4, 5], [8, 9]]] * 5
    headers = list(butler.get_many(refs, component="header"))
    assert {header["OBJECT"] for header in headers} == {"M13"}


def test_many_are_converted_to_the_storage_class_that_is_asked_for(made):
    repository, butler = made
    group = butler.universe.group(["detector"])
    butler.dataset_types.register(DatasetType("stars", group, "DataFrame"))
    frame = pl.DataFrame({"mag": [1.0, 2.0]})
    refs = butler.put_many([frame] * 2, "stars", _ids(range(2)))
    tables = list(butler.get_many(refs, storage_class="Table"))
    assert [type(table) for table in tables] == [Table, Table]
    assert list(tables[1]["mag"]) == [1.0, 2.0]
    assert repository.get(refs[0]).equals(frame)


@pytest.mark.parametrize("bad", [{"a": object()}, [1]])
@pytest.mark.parametrize("pack_below", [0, 65_536])
def test_one_bad_object_leaves_nothing_of_the_others(tmp_path, bad, pack_below):
    repository, butler = _made(tmp_path / "repo", pack_below=pack_below)
    with repository:
        values = [*_values(range(COUNT - 1)), bad]
        with pytest.raises(InvalidInputError, match="detector: 59"):
            butler.put_many(values, "gain", _ids())
        assert _stored(repository) == []
        assert repository.check().remains == 0
        assert butler.query_datasets("gain", collections="mine").count() == 0


@pytest.mark.parametrize("pack_below", [0, 65_536])
def test_a_conflict_leaves_nothing_of_the_others(tmp_path, pack_below):
    repository, butler = _made(tmp_path / "repo", pack_below=pack_below)
    with repository:
        butler.put({"n": "first"}, "gain", detector=40)
        before = _stored(repository)
        with pytest.raises(ConflictError, match="mine"):
            butler.put_many(_values(), "gain", _ids())
        with pytest.raises(ConflictError):
            butler.put_many(_values(range(2)), "gain", [{"detector": 1}] * 2)
        assert _stored(repository) == before
        assert butler.query_datasets("gain", collections="mine").count() == 1


def test_a_failed_transaction_takes_many_with_it(made):
    repository, butler = made

    def put_and_fail():
        with butler.transaction():
            butler.put_many(_values(), "gain", _ids())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert _stored(repository) == []


def test_wrong_calls_are_refused_by_name(made, tmp_path):
    _, butler = made
    with pytest.raises(InvalidInputError, match="60 objects and 59 data IDs"):
        butler.put_many(_values(), "gain", _ids(range(59)))
    with pytest.raises(InvalidInputError, match="give as many data IDs"):
        butler.put_many(_values(), "gain")
    with pytest.raises(DataIdError, match="detecter"):
        butler.put_many([{}], "gain", [{"detecter": 1}])
    with pytest.raises(InvalidInputError, match="'refs' of get_many"):
        butler.get_many(3)
    assert butler.put_many([], "gain", []) == []
    assert list(butler.get_many([])) == []
    with (
        Butler.open(tmp_path / "repo", run="mine") as reader,
        pytest.raises(ReadOnlyError),
    ):
        reader.put_many([{}], "gain", _ids([1]))


@pytest.mark.parametrize("harm", ["gone", "short", "other"])
@pytest.mark.parametrize("pack_below", [0, 65_536])
def test_one_that_cannot_be_read_is_named_when_it_is_its_turn(
    tmp_path, pack_below, harm
):
    repository, butler = _made(tmp_path / "repo", pack_below=pack_below)
    with repository:
        refs = butler.put_many(_values(), "gain", _ids())
        record = repository.records.find(refs[30].id.bytes)[0]
        place = Path(tmp_path / "repo" / "datasets" / record.path)
        offset = record.offset or 0
        if harm == "gone":
            place.unlink()
        else:
            data = place.read_bytes()
            changed = data[: offset + 1] + b"?" + data[offset + 2 :]
            place.write_bytes(data[: offset + 2] if harm == "short" else changed)
        got = butler.get_many(refs)
        if pack_below == 0 or harm != "gone":
            assert list(itertools.islice(got, 30)) == _values(range(30))
        with pytest.raises(Exception, match=r"gain@.*detector: ") as error:
            next(got)
        assert error.type.__module__ == "pantler.errors"


def test_a_removed_dataset_is_not_found_among_many(made):
    _, butler = made
    refs = butler.put_many(_values(), "gain", _ids())
    butler.remove_datasets(refs[10:20])
    got = butler.get_many(refs)
    assert list(itertools.islice(got, 10)) == _values(range(10))
    with pytest.raises(DatasetNotFoundError, match="detector: 10"):
        next(got)
    # The others are in the same pack, which stays.
    assert list(butler.get_many(refs[20:])) == _values(range(20, COUNT))
    assert butler.exists_many(refs) == [not 10 <= n < 20 for n in range(COUNT)]
    uris = butler.uris_many(refs)
    assert [bool(uri) for uri in uris] == butler.exists_many(refs)
    assert uris[0] == butler.uris(refs[0])


def test_a_pack_goes_with_the_last_of_its_datasets(made):
    repository, butler = made
    refs = butler.put_many(_values(), "gain", _ids())
    butler.remove_datasets(refs[1:])
    assert len(_stored(repository)) == 1
    butler.remove_datasets(refs[:1])
    assert _stored(repository) == []


def test_a_lost_file_does_not_exist_among_many(tmp_path):
    repository, butler = _made(tmp_path / "repo", pack_below=0)
    with repository:
        refs = butler.put_many(_values(), "gain", _ids())
        Path(butler.uri(refs[5]).removeprefix("file://")).unlink()
        assert butler.exists_many(refs) == [n != 5 for n in range(COUNT)]


def test_the_bytes_that_are_read_ahead_are_bounded(made, monkeypatch):
    repository, butler = made
    refs = butler.put_many(_values(), "gain", _ids())
    monkeypatch.setattr("pantler.datastores.reading_many._MOST_DATASETS", 7)
    asked = []
    kind = type(repository.datastore._reader)
    read = kind.bytes_of_many

    def count(self, records):
        asked.append(len(records))
        return read(self, records)

    monkeypatch.setattr(kind, "bytes_of_many", count)
    got = butler.get_many(refs)
    assert next(got) == {"n": 0}
    assert asked == [7]
    assert list(got) == _values(range(1, COUNT))
