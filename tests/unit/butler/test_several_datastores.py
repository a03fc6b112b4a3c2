"""Repositories whose datastore is in memory, or a chain."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import (
    DatasetNotFoundError,
    InvalidInputError,
    SettingsError,
    StorageError,
)

CHAIN = {
    "kind": "chained",
    "members": [
        {"kind": "memory", "accept": ["small*"]},
        {"kind": "file", "reject": ["Text"]},
        {"kind": "file", "name": "texts", "root": "texts", "accept": ["Text", "small"]},
    ],
}


def _made(root, datastore):
    settings = RepositorySettings.from_yaml(json.dumps({"datastore": datastore}))
    repository = Repository.create(root, settings=settings)
    butler = Butler.of(repository, run="mine")
    butler.dimensions.insert("instrument", [{"instrument": "Cam"}])
    butler.dimensions.insert(
        "detector",
        [{"instrument": "Cam", "detector": n, "full_name": f"S{n}"} for n in range(40)],
    )
    group = butler.universe.group(["detector"])
    kinds = {"small": "StructuredDict", "large": "StructuredDict", "note": "Text"}
    for name, storage_class in kinds.items():
        butler.dataset_types.register(DatasetType(name, group, storage_class))
    return repository


@pytest.fixture
def repository(tmp_path):
    with _made(tmp_path / "repo", CHAIN) as made:
        yield made


@pytest.fixture
def butler(repository):
    return Butler.of(repository, run="mine")


def _stores(repository, ref):
    return [record.store for record in repository.records.find(ref.id.bytes)]


def _other_process(root, code):
    program = f"from pantler import Butler; b = Butler.open({str(root)!r}); {code}"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_a_dataset_goes_to_all_members_that_accept_it(repository, butler):
    small = butler.put({"n": 1}, "small", detector=1)
    large = butler.put({"n": 2}, "large", detector=1)
    note = butler.put("text", "note", detector=1)
    assert _stores(repository, small) == ["memory", "file", "texts"]
    assert _stores(repository, large) == ["file"]
    assert _stores(repository, note) == ["texts"]
    assert [butler.get(ref) for ref in (small, large, note)] == [
        {"n": 1},
        {"n": 2},
        "text",
    ]
    assert butler.uri(small).startswith("file:")
    assert "/texts/" in butler.uri(note)
    report = repository.check(deep=True)
    assert (report.remains, report.damaged, report.without_files) == (0, [], 0)


def test_other_processes_read_what_lasts(tmp_path, butler):
    butler.put({"n": 1}, "small", detector=1)
    said = _other_process(
        tmp_path / "repo", "print(b.get('small', detector=1, collections='mine'))"
    )
    assert said.stdout == "{'n': 1}\n", said.stderr


def test_what_one_member_has_lost_is_read_from_the_next(tmp_path, butler, caplog):
    ref = butler.put({"n": 1}, "small", detector=1)
    with Repository.open(tmp_path / "repo", writeable=True) as fresh:
        fresh.members[0].own.delete([ref.id.bytes])
        for place in (tmp_path / "repo" / "datasets").rglob("*.json"):
            place.unlink()
        reader = Butler.of(fresh)
        assert reader.get(ref) == {"n": 1}
        assert list(reader.get_many([ref, ref])) == [{"n": 1}] * 2
        assert "missing" in caplog.text or "no" in caplog.text.lower()
        assert (reader.exists(ref), reader.exists_many([ref])) == (True, [True])
        (damage,) = fresh.check().damaged
        assert "/datasets/" in damage.uri
        for place in (tmp_path / "repo" / "texts").rglob("*.json"):
            place.unlink()
        with pytest.raises(DatasetNotFoundError, match="small@"):
            reader.get(ref)
        assert (reader.exists(ref), reader.exists_many([ref])) == (False, [False])


def test_many_go_each_where_it_is_accepted(repository, butler):
    ids = [{"detector": n} for n in range(40)]
    small = butler.put_many([{"n": n} for n in range(40)], "small", ids)
    notes = butler.put_many([f"{n}" for n in range(40)], "note", ids)
    mixed = [ref for pair in zip(small, notes, strict=True) for ref in pair]
    wanted = [value for n in range(40) for value in ({"n": n}, f"{n}")]
    assert list(butler.get_many(mixed)) == wanted
    assert butler.exists_many(mixed) == [True] * 80
    assert _stores(repository, notes[0]) == ["texts"]
    assert all(butler.uris_many(mixed))


@pytest.mark.parametrize("files_only", [False, True])
def test_what_is_removed_goes_from_all_members(repository, butler, files_only):
    kept = butler.put({"n": 0}, "small", detector=0)
    ref = butler.put({"n": 1}, "small", detector=1)
    butler.remove_datasets(ref, files_only=files_only)
    assert _stores(repository, ref) == []
    with pytest.raises(DatasetNotFoundError):
        butler.get(ref)
    assert butler.get(kept) == {"n": 0}
    report = repository.check()
    assert (report.remains, report.damaged) == (0, [])
    assert len(list(repository.datastore.orphans(lambda _: set()))) == 3
    butler.remove_runs("mine")
    assert list(repository.datastore.orphans(lambda _: set())) == []


def test_a_failed_transaction_leaves_nothing_in_any_member(repository, butler):
    def put_and_fail():
        with butler.transaction():
            butler.put({"n": 1}, "small", detector=1)
            butler.put_many(["a"], "note", [{"detector": 1}])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert list(repository.datastore.orphans(lambda _: set())) == []
    ref = butler.put({"n": 1}, "small", detector=1)

    def remove_and_fail():
        with butler.transaction():
            butler.remove_datasets(ref)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        remove_and_fail()
    assert _stores(repository, ref) == ["memory", "file", "texts"]
    assert butler.get(ref) == {"n": 1}


@pytest.mark.parametrize("mode", ["copy", "move", "hardlink", "direct", "auto"])
def test_files_come_into_all_members(repository, butler, tmp_path, mode):
    source = tmp_path / "x.json"
    source.write_text('{"n": 3}')
    kind = butler.dataset_types.get("small")
    file = FileDataset(source, kind, {"detector": 1}, "mine")
    if mode == "move":
        # One of the members is in memory, where nothing is moved to.
        (ref,) = butler.ingest([file], mode)
        assert not source.exists()
    else:
        (ref,) = butler.ingest([file], mode)
        assert source.exists()
    assert _stores(repository, ref) == ["memory", "file", "texts"]
    for member in repository.members:
        assert member.datastore.read(ref, member.records.find(ref.id.bytes)) == {"n": 3}
    assert repository.check(deep=True).damaged == []


def test_remains_are_named_with_their_member_and_removed(repository, tmp_path):
    for folder in ("datasets", "texts"):
        (tmp_path / "repo" / folder).mkdir(exist_ok=True)
        (tmp_path / "repo" / folder / "left.json").write_text("{}")
    report = repository.check(repair=True)
    assert report.orphans == ["file: left.json", "texts: left.json"]
    assert repository.check().remains == 0


def test_a_path_that_one_member_needs_does_not_keep_that_of_another(
    repository, butler, tmp_path
):
    ref = butler.put({"n": 1}, "large", detector=1)
    (record,) = repository.records.find(ref.id.bytes)
    other = tmp_path / "repo" / "texts" / record.path
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    assert repository.check(repair=True).orphans == [f"texts: {record.path}"]
    assert not other.exists()
    assert butler.get(ref) == {"n": 1}


def test_a_read_only_member_is_read_and_left_alone(tmp_path):
    root = tmp_path / "repo"
    with _made(root, {"kind": "file", "name": "old", "root": "old"}) as made:
        ref = Butler.of(made, run="mine").put({"n": 1}, "large", detector=1)
    settings = yaml.safe_load((root / "pantler.yaml").read_text())
    old = {"kind": "file", "name": "old", "root": "old", "read_only": True}
    settings["datastore"] = {"kind": "chained", "members": [old, {"kind": "file"}]}
    (root / "pantler.yaml").write_text(yaml.safe_dump(settings))
    (root / "old" / "left.json").write_text("{}")
    with Repository.open(root, writeable=True) as repository:
        butler = Butler.of(repository, run="mine")
        assert butler.get(ref) == {"n": 1}
        new = butler.put({"n": 2}, "large", detector=2)
        assert _stores(repository, new) == ["file"]
        assert repository.check(repair=True).remains == 0
        assert (root / "old" / "left.json").exists()


def test_a_member_that_may_fail_does_not_keep_the_others_from_storing(tmp_path, caplog):
    blocked = tmp_path / "blocked"
    members = [
        {"kind": "file"},
        {"kind": "file", "name": "extra", "root": str(blocked), "may_fail": True},
    ]
    with _made(tmp_path / "repo", {"kind": "chained", "members": members}) as made:
        blocked.rename(tmp_path / "away") if blocked.exists() else None
        blocked.write_text("a file, and no folder")
        butler = Butler.of(made, run="mine")
        ref = butler.put({"n": 1}, "large", detector=1)
        assert _stores(made, ref) == ["file"]
        assert "Not stored in 'extra'" in caplog.text
        assert butler.get(ref) == {"n": 1}
    members[1]["may_fail"] = False
    blocked.unlink()
    with _made(tmp_path / "other", {"kind": "chained", "members": members}) as made:
        if blocked.exists():
            blocked.rename(tmp_path / "away2")
        blocked.write_text("a file, and no folder")
        with pytest.raises(StorageError):
            Butler.of(made, run="mine").put({"n": 1}, "large", detector=1)
        (tmp_path / "other" / "datasets").mkdir(exist_ok=True)
        assert list((tmp_path / "other" / "datasets").rglob("*.json")) == []


def test_memory_returns_copies_unless_it_hands_over(tmp_path):
    with _made(tmp_path / "copies", {"kind": "memory"}) as made:
        butler = Butler.of(made, run="mine")
        value = {"n": [1]}
        ref = butler.put(value, "small", detector=1)
        value["n"].append(2)
        butler.get(ref)["n"].append(3)
        assert butler.get(ref) == {"n": [1]}
        again = Butler.open(tmp_path / "copies")
        assert again.get(ref) == {"n": [1]}
        again.close()
    with _made(tmp_path / "hands", {"kind": "memory", "returns": "object"}) as made:
        butler = Butler.of(made, run="mine")
        ref = butler.put(value, "small", detector=1)
        assert butler.exists(ref)
        assert butler.get(ref) is value
        assert not butler.exists(ref)
        with pytest.raises(DatasetNotFoundError, match="no longer"):
            butler.get(ref)


def test_memory_ends_with_the_process(tmp_path):
    def put_and_look() -> None:
        made = _made(tmp_path / "repo", {"kind": "memory"})
        ref = Butler.of(made, run="mine").put({"n": 1}, "small", detector=1)
        code = (
            f"print(b.exists(b.get_ref({str(ref.id)!r})), b.get_ref({str(ref.id)!r}))"
        )
        said = _other_process(tmp_path / "repo", code)
        assert said.stdout.startswith("False small@"), said.stderr
        made.close()

    put_and_look()
    with Repository.open(tmp_path / "repo") as fresh:
        assert fresh.check().without_files == 1


@pytest.mark.parametrize(
    ("datastore", "said"),
    [
        ({"kind": "chained"}, "members"),
        ({"kind": "chained", "members": []}, "members"),
        ({"kind": "chained", "members": [{"root": "x"}]}, "kind"),
        (
            {"kind": "chained", "members": [{"kind": "file"}] * 2},
            "'file' is there twice",
        ),
        ({"kind": "chained", "members": [{"kind": "file", "rooot": "x"}]}, "rooot"),
        (
            {"kind": "chained", "members": [{**CHAIN, "name": "inner"}]},
            "cannot be a member",
        ),
        ({"kind": "chained", "members": [{"kind": "nothing"}]}, "nothing"),
        ({"kind": "memory", "returns": "thing"}, "returns"),
    ],
)
def test_wrong_settings_are_refused(datastore, said):
    with pytest.raises(Exception, match=said) as error:
        RepositorySettings.from_yaml(json.dumps({"datastore": datastore}))
    assert error.type.__module__ == "pantler.errors"


def test_members_do_not_share_a_folder(tmp_path):
    members = [{"kind": "file"}, {"kind": "file", "name": "b", "root": "datasets/b"}]
    with pytest.raises(SettingsError, match="not within the other"):
        _made(tmp_path / "repo", {"kind": "chained", "members": members})


@pytest.mark.parametrize("limit", [{"reject": ["sma*"]}, {"accept": ["Text"]}])
def test_what_no_datastore_takes_is_refused(tmp_path, limit):
    chain = {"kind": "chained", "members": [{"kind": "file", **limit}]}
    for number, datastore in enumerate(
        ({"kind": "file", **limit}, {"kind": "memory", **limit}, chain)
    ):
        with _made(tmp_path / f"repo{number}", datastore) as made:
            butler = Butler.of(made, run="mine")
            with pytest.raises(InvalidInputError, match=r"'small'.*settings"):
                butler.put({}, "small", detector=1)
            with pytest.raises(InvalidInputError, match=r"'small'.*settings"):
                butler.put_many([{}], "small", [{"detector": 1}])
            assert butler.put("x", "note", detector=1)
