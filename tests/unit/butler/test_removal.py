"""What a removal shows, what it removes, and what it leaves."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest

from pantler.butler import removal as removal_module
from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.datasets.collection import CollectionType
from pantler.datasets.records import records_to_frame
from pantler.datastores.staged import StagedFiles
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    AccessError,
    CollectionNotFoundError,
    ConflictError,
    DatasetNotFoundError,
    InvalidInputError,
    PantlerError,
    ReadOnlyError,
)


def _files(repository):
    root = Path(repository.root, "datasets")
    return {
        str(path.relative_to(root))
        for path in root.rglob("*.*")
        if path.is_file() and not path.name.startswith(".")
    }


def _is_whole(repository):
    report = repository.check(deep=True)
    return not (report.remains or report.damaged or report.odd)


def _fill(butler, run, exposures=(1, 2)):
    return [
        butler.put({"level": d}, "raw", run=run, exposure=e, detector=d)
        for e in exposures
        for d in range(4)
    ]


# What is shown


def test_a_plan_counts_what_goes_and_removes_nothing(repository, butler):
    refs = _fill(butler, "old")
    butler.put({"level": 1}, "bias", run="old", detector=0)
    butler.collections.register("tag", "TAGGED")
    butler.collections.associate("tag", refs[:3])
    butler.collections.chain("chain", ["old", "Cam/raw"])
    before = _files(repository)
    plan = butler.plan_removal(runs="old")
    assert plan.runs == ("old",)
    assert plan.parents == {"old": ("chain",)}
    assert plan.dataset_count == 9
    assert plan.datasets.select("run", "dataset_type", "datasets", "stored").rows() == [
        ("old", "bias", 1, 1),
        ("old", "raw", 8, 8),
    ]
    sizes = [Path(butler.uri(ref).removeprefix("file://")) for ref in refs]
    assert plan.datasets["size_bytes"][1] == sum(p.stat().st_size for p in sizes)
    assert plan.members.rows() == [("tag", "raw", 3)]
    assert not plan.is_empty
    assert "9 datasets" in str(plan)
    assert "'old' is searched by chain" in str(plan)
    assert _files(repository) == before
    assert butler.plan_removal([]).is_empty
    assert str(butler.plan_removal([uuid4()])) == "Nothing to remove."


def test_datasets_are_named_by_refs_results_frames_and_uuids(butler):
    refs = _fill(butler, "old")
    results = butler.query_datasets("raw", collections="old", exposure=1)
    frame = results.to_polars()
    given = [
        (refs[0], 1),
        (refs[0].id, 1),
        (str(refs[0].id), 1),
        ([refs[0], refs[0].id, refs[1]], 2),
        (results, 4),
        (frame, 4),
        (frame["dataset_id"], 4),
        ((ref for ref in refs), 8),
        ([uuid4()], 0),
    ]
    for datasets, count in given:
        assert butler.plan_removal(datasets).dataset_count == count
    for wrong, match in (
        (7, "is 7, of type int. Give a DatasetRef"),
        ([7], "several, each a DatasetRef"),
        ("raw", "names no dataset"),
        (pl.DataFrame({"x": [1]}), "dataset_id"),
    ):
        with pytest.raises(InvalidInputError, match=match):
            butler.plan_removal(wrong)


def test_what_a_plan_cannot_be_of(butler):
    (ref, *_) = _fill(butler, "old")
    butler.collections.register("tag", "TAGGED")
    plan = butler.plan_removal
    with pytest.raises(CollectionNotFoundError, match="Did you mean 'old'"):
        plan(runs=["old", "odl"])
    with pytest.raises(
        CollectionNotFoundError, match="No RUN collection matches 't\\*'"
    ):
        plan(runs="t*")
    with pytest.raises(InvalidInputError, match="'tag' is TAGGED, not RUN"):
        plan(runs=["tag"])
    with pytest.raises(InvalidInputError, match="runs="):
        plan(collections="old")
    with pytest.raises(InvalidInputError, match="one after the other"):
        plan([ref], runs="old")
    with pytest.raises(InvalidInputError, match="one after the other"):
        plan(runs="old", files_only=True)


def test_a_reader_can_plan_but_not_apply(repository, butler):
    _fill(butler, "old")
    with Repository.open(repository.root) as reader:
        plan = Butler.of(reader).plan_removal(runs="old")
        assert plan.dataset_count == 8
        with pytest.raises(ReadOnlyError):
            plan.apply()
    assert butler.plan_removal(runs="old").dataset_count == 8


# What is removed


@pytest.mark.parametrize("at_once", [1, 3, 10_000])
def test_runs_go_with_datasets_and_files(repository, butler, monkeypatch, at_once):
    monkeypatch.setattr(removal_module, "_AT_ONCE", at_once)
    before = _files(repository)
    refs = [*_fill(butler, "old/a"), *_fill(butler, "old/b")]
    kept = _fill(butler, "new")
    butler.collections.register("tag", "TAGGED")
    butler.collections.associate("tag", [refs[0], kept[5]])
    seen = []
    plan = butler.plan_removal(runs=["old/*"])
    plan.apply(on_progress=seen.append)
    assert seen[-1] == 16
    assert seen == sorted(seen)
    names = [c.name for c in butler.collections.query(["old/*", "new"])]
    assert names == ["new"]
    assert list(butler.query_datasets("raw", collections="tag")) == [kept[5]]
    assert butler.get(kept[0]) == {"level": 0}
    assert len(_files(repository) - before) == len(kept)
    assert _is_whole(repository)
    assert butler.remove_runs("new") == 8
    assert _files(repository) == before
    with pytest.raises(CollectionNotFoundError):
        plan.apply()


def test_a_run_in_chains_goes_only_if_it_is_unlinked(repository, butler):
    refs = _fill(butler, "old")
    chains = {"one": ["mine", "old"], "two": ["old"], "top": ["two"]}
    for name, children in chains.items():
        butler.collections.chain(name, children)
    with pytest.raises(ConflictError, match="'old' is searched by one, two") as caught:
        butler.remove_runs("old")
    assert "unlink" in str(caught.value)
    assert butler.get(refs[0]) == {"level": 0}
    assert butler.remove_runs("old", unlink=True) == 8
    found = {name: butler.collections.get(name).children for name in chains}
    assert found == {"one": ("mine",), "two": (), "top": ("two",)}
    assert _is_whole(repository)


def test_collections_go_and_their_datasets_stay(repository, butler):
    refs = _fill(butler, "old")
    butler.collections.register("tag", "TAGGED")
    butler.collections.associate("tag", refs)
    butler.collections.chain("inner", ["tag", "old"])
    butler.collections.chain("outer", ["inner"])
    plan = butler.plan_removal(collections=["inner", "tag", "outer"])
    assert plan.parents == {}
    assert plan.dataset_count == 0
    assert not plan.is_empty
    assert "2 CHAINED collections" in str(plan)
    plan.apply()
    assert butler.collections.query(["inner", "tag", "outer"]) == []
    assert butler.get(refs[3]) == {"level": 3}
    butler.collections.chain("inner", ["old"])
    butler.collections.chain("outer", ["inner"])
    with pytest.raises(ConflictError, match="'inner' is searched by outer"):
        butler.plan_removal(collections="inner").apply()
    butler.plan_removal(collections="inner").apply(unlink=True)
    assert butler.collections.get("outer").children == ()
    assert _is_whole(repository)


def test_files_alone_are_removed_and_the_datasets_stay_known(repository, butler):
    refs = _fill(butler, "old")
    butler.collections.register("tag", "TAGGED")
    butler.collections.associate("tag", refs[:1])
    plan = butler.plan_removal(refs[:2], files_only=True)
    assert plan.members.is_empty()
    assert "files of 2 datasets" in str(plan)
    before = len(_files(repository))
    plan.apply()
    assert len(_files(repository)) == before - 2
    assert not butler.exists(refs[0])
    with pytest.raises(DatasetNotFoundError):
        butler.get(refs[0])
    assert butler.get_ref(refs[0].id) == refs[0]
    assert list(butler.query_datasets("raw", collections="tag")) == [refs[0]]
    assert _is_whole(repository)
    assert repository.check().without_files == 2
    assert butler.remove_datasets(refs[:2], files_only=True) == 0
    assert butler.remove_datasets(refs[:2]) == 2


def test_a_pack_stays_until_its_last_dataset_goes(repository, butler):
    raw = butler.dataset_types.get("raw")
    refs = _fill(butler, "old", exposures=[1])
    repository.records.delete([ref.id.bytes for ref in refs])
    values = [(ref, json.dumps({"level": 9}).encode()) for ref in refs]
    records = repository.datastore.pack(values)
    repository.records.insert(records_to_frame(records))
    (pack,) = {record.path for record in records}
    assert raw.name in pack
    for count in (2, 1):
        butler.remove_datasets(refs[:count])
        assert pack in _files(repository)
        assert butler.get(refs[3]) == {"level": 9}
    butler.remove_datasets(refs)
    assert pack not in _files(repository)
    assert _is_whole(repository)


def test_files_of_others_are_never_removed(repository, butler, tmp_path):
    source = tmp_path / "frame.json"
    source.write_text('{"level": 5}')
    raw = butler.dataset_types.get("raw")
    data_id = {"instrument": "Cam", "exposure": 1, "detector": 1}
    refs = repository.ingest([FileDataset(source, raw, data_id, "direct")], "direct")
    link = {**data_id, "detector": 2}
    refs += repository.ingest([FileDataset(source, raw, link, "direct")], "symlink")
    assert butler.remove_datasets(refs) == 2
    assert source.read_text() == '{"level": 5}'
    assert repository.records.discarded(10) == []
    assert _is_whole(repository)


def test_an_undone_removal_removes_no_file(repository, butler):
    refs = _fill(butler, "old")

    def fail():
        with butler.transaction():
            butler.remove_runs("old")
            assert butler.collections.query("old") == []
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [butler.get(ref)["level"] for ref in refs] == [0, 1, 2, 3] * 2
    assert _is_whole(repository)


# What has changed since


def test_more_than_was_shown_is_not_removed(repository, butler):
    refs = _fill(butler, "old", exposures=[1])
    runs, some = butler.plan_removal(runs="old"), butler.plan_removal(refs[:2])
    butler.put({"level": 1}, "raw", run="old", exposure=2, detector=0)
    with pytest.raises(ConflictError, match=r"'raw' datasets in 'old'.* Plan again"):
        runs.apply()
    butler.collections.register("tag", "TAGGED")
    butler.collections.associate("tag", refs[:1])
    with pytest.raises(ConflictError, match="'tag'"):
        some.apply()
    assert butler.get(refs[0]) == {"level": 0}
    butler.collections.remove("tag")
    some.apply()
    # Less than was shown is no reason to stop.
    runs.apply()
    assert butler.collections.query("old") == []
    assert _is_whole(repository)


def test_two_who_remove_the_same_run_both_end(repository, butler):
    _fill(butler, "old", exposures=[1, 2, 3])
    with closing(Repository.open(repository.root, writeable=True)) as other:
        plans = [Butler.of(one).plan_removal(runs="old") for one in (repository, other)]
        barrier = threading.Barrier(2)

        def apply(plan):
            barrier.wait(timeout=30)
            try:
                plan.apply()
            except CollectionNotFoundError:
                return "gone"
            return "done"

        with ThreadPoolExecutor(2) as pool:
            ends = list(pool.map(apply, plans))
    assert "done" in ends
    assert butler.collections.query("old") == []
    assert _is_whole(repository)


def test_a_file_that_cannot_be_removed_is_tried_again(
    repository, butler, monkeypatch, caplog
):
    refs = _fill(butler, "old", exposures=[1])
    delete, stuck = type(repository.datastore).delete, butler.uri(refs[1])

    def fail(self, paths):
        if any(stuck.endswith(path) for path in paths):
            raise AccessError("Permission denied.")
        delete(self, paths)

    monkeypatch.setattr(type(repository.datastore), "delete", fail)
    assert butler.remove_runs("old") == 4
    assert "1 file of deleted datasets could not be removed" in caplog.text
    assert "Permission denied" in caplog.text
    assert len(repository.records.discarded(10)) == 1
    monkeypatch.undo()
    butler.remove_datasets(butler.put({"level": 1}, "raw", exposure=2, detector=1))
    assert repository.records.discarded(10) == []
    assert _is_whole(repository)


def test_what_a_killed_removal_left_goes_with_a_repair(repository, butler, monkeypatch):
    _fill(butler, "old", exposures=[1])
    monkeypatch.setattr("pantler.butler.repository.empty_trash", lambda *_, **__: None)
    butler.remove_runs("old")
    monkeypatch.undo()
    assert len(repository.records.discarded(10)) == 4
    assert len(repository.check().orphans) == 4
    report = repository.check(repair=True)
    assert report.remains == 4
    assert repository.records.discarded(10) == []
    assert _is_whole(repository)


def test_a_file_gets_its_name_after_its_record(repository, butler, monkeypatch):
    """Who removes an old file of that name does not remove the new one."""
    (ref,) = _fill(butler, "old", exposures=[1])[:1]
    butler.remove_datasets(ref)
    publish, found = StagedFiles.publish, []

    def look(self, **how):
        found.append(repository.records.find(ref.id.bytes))
        publish(self, **how)

    monkeypatch.setattr(StagedFiles, "publish", look)
    butler.put({"level": 7}, ref)
    assert [len(records) for records in found] == [1]
    assert butler.get(ref) == {"level": 7}


def test_refs_are_had_by_uuid(butler):
    refs = _fill(butler, "old")
    assert butler.get_ref(refs[2].id) == refs[2]
    assert butler.get_ref(str(refs[2].id)) == refs[2]
    back = [refs[3].id, str(refs[0].id), refs[3].id]
    assert butler.get_refs(back) == [refs[3], refs[0], refs[3]]
    assert butler.get_refs([]) == []
    unknown = uuid4()
    with pytest.raises(DatasetNotFoundError, match=f"1 UUID of no dataset.*{unknown}"):
        butler.get_refs([refs[0].id, unknown])
    with pytest.raises(InvalidInputError, match="'raw' names no dataset"):
        butler.get_ref("raw")


# Records of dimensions


def test_records_are_removed_with_what_depends_on_them_if_asked(repository, butler):
    _fill(butler, "old", exposures=[1])
    wrong = butler.query_dimension_records("exposure", where="exposure = 1")
    plan = butler.dimensions.plan_removal("exposure", wrong)
    counts = {one.name: one.count for one in plan.dependents}
    assert counts == {"visit_definition": 1, "raw": 8}
    assert "1 'exposure' record" in str(plan)
    assert "8 'raw' datasets" in str(plan)
    assert plan.datasets is not None
    assert plan.datasets.dataset_count == 8
    with pytest.raises(ConflictError, match="8 'raw' datasets"):
        plan.apply()
    plan.apply(cascade=True)
    key = {"instrument": "Cam", "exposure": 1}
    assert butler.dimensions.find("exposure", key) is None
    assert not butler.query_datasets("raw", collections="old").any()
    assert butler.query_datasets("raw", collections="Cam/raw").any()
    assert _is_whole(repository)


def test_records_to_remove_are_named_by_mappings_records_and_frames(butler):
    find = butler.query_dimension_records("visit_definition", where="visit = 2")
    for rows in (
        find,
        find.to_polars(),
        list(find),
        [{"exposure": 2, "visit": 2}],
    ):
        plan = butler.dimensions.plan_removal("visit_definition", rows)
        assert plan.rows.height == 1
        assert not plan.dependents
        assert not plan.is_empty
    plan.apply()
    assert not find.any()
    assert butler.dimensions.plan_removal("visit_definition", find).is_empty
    with pytest.raises(PantlerError, match="77"):
        butler.dimensions.plan_removal("exposure", [{"exposure": 77}])


def test_records_that_more_depends_on_by_now_stay(butler):
    plan = butler.dimensions.plan_removal("exposure", [{"exposure": 3}])
    butler.put({"level": 1}, "raw", run="more", exposure=3, detector=0)
    with pytest.raises(ConflictError, match=r"'raw' datasets.*Plan again"):
        plan.apply(cascade=True)
    assert butler.get("raw", exposure=3, detector=0, collections="more") == {"level": 1}


def test_certified_datasets_that_go_are_shown(butler):
    biases = list(butler.query_datasets("bias", collections="Cam/biases"))
    butler.collections.register("more", CollectionType.CALIBRATION)
    butler.collections.certify("more", biases[:1], Timespan(0, 10))
    plan = butler.plan_removal(biases)
    assert plan.members.rows() == [("Cam/calib", "bias", 4), ("more", "bias", 1)]
    plan.apply()
    assert butler.collections.summary("Cam/calib").dataset_types == ()
