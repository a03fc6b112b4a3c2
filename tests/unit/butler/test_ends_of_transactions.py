"""However a transaction ends, what is recorded has its file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.errors import ConflictError, InvalidInputError, PantlerError

RAW = {"exposure": 2, "detector": 1}


def _stored(repository) -> list[Path]:
    folder = Path(repository.root, "datasets")
    return [p for p in (folder / "mine").rglob("*") if p.is_file()]


def _is_whole(repository) -> bool:
    report = repository.check()
    return not report.remains and not report.damaged


def _interrupt(monkeypatch, repository, word: str, *, after: bool) -> None:
    """Have Ctrl-C come as a statement begins, or as it returns."""
    database = repository.registry._db
    execute, left = database._execute, [1]

    def interrupted(session, text, values):
        # Not as a transaction ends that only read something.
        comes = text == word and (session.is_writing or "BEGIN" in word)
        comes = comes and left and left.pop()
        if comes and not after:
            raise KeyboardInterrupt
        found = execute(session, text, values)
        if comes:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(database, "_execute", interrupted)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("word", ["BEGIN IMMEDIATE", "COMMIT"])
def test_an_interrupt_at_either_end_leaves_rows_and_files_that_agree(
    repository, butler, monkeypatch, word, after
):
    _interrupt(monkeypatch, repository, word, after=after)
    with pytest.raises(KeyboardInterrupt):
        butler.put({"level": 5}, "raw", RAW)
    is_there = (word, after) == ("COMMIT", True)
    found = butler.find_dataset("raw", RAW, collections="mine")
    assert (found is not None) == is_there
    assert len(_stored(repository)) == is_there
    assert _is_whole(repository)
    if is_there:
        assert butler.get(found) == {"level": 5}
    else:
        butler.put({"level": 6}, "raw", RAW)
        assert _is_whole(repository)


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_as_a_nested_transaction_ends_leaves_them_in_agreement(
    repository, butler, monkeypatch, after
):
    with butler.transaction():
        butler.put({"level": 4}, "raw", exposure=1, detector=1)
        _interrupt(monkeypatch, repository, "RELEASE SAVEPOINT level_1", after=after)
        with pytest.raises(KeyboardInterrupt):
            butler.put({"level": 5}, "raw", RAW)
    found = butler.query_datasets("raw", collections="mine")
    assert len(_stored(repository)) == found.count()
    assert _is_whole(repository)


def test_files_stay_where_nobody_can_say_whether_they_are_recorded(
    repository, butler, monkeypatch
):
    _interrupt(monkeypatch, repository, "COMMIT", after=True)

    def fails(*_):
        raise ConflictError("locked")

    with monkeypatch.context() as context:
        context.setattr(type(repository.records), "find", fails)
        with pytest.raises(KeyboardInterrupt):
            butler.put({"level": 5}, "raw", RAW)
    assert len(_stored(repository)) == 1
    assert butler.get("raw", RAW) == {"level": 5}


def _fork(child) -> int:
    """Run a function in a forked child; return its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            code = child()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("fails", [False, True])
def test_a_child_forked_within_a_transaction_neither_commits_nor_deletes(
    repository, butler, fails
):
    codes = []
    with butler.transaction():
        ref = butler.put({"level": 5}, "raw", RAW)

        def child() -> int:
            # What the block would do at its end, in a process of its own.
            end = transaction.__exit__
            try:
                end(*((KeyError, KeyError(), None) if fails else (None,) * 3))
            except InvalidInputError:
                return 0
            except KeyError:
                return 0
            return 0 if fails else 1

        transaction = repository.transaction()
        transaction.__enter__()
        codes.append(_fork(child))
        assert _stored(repository)
        transaction.__exit__(None, None, None)
    assert codes == [0]
    assert butler.get(ref) == {"level": 5}
    assert _is_whole(repository)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_learns_at_once_that_it_needs_a_repository_of_its_own(
    repository, butler, root
):
    butler.query_datasets("raw", collections="Cam/raw").to_polars()

    def refused(work) -> bool:
        try:
            work()
        except InvalidInputError as error:
            return "spawn" in str(error)
        return False

    def child() -> int:
        works = [
            lambda: butler.get("raw", RAW),
            lambda: butler.put({"level": 1}, "raw", RAW),
            lambda: butler.ingest([]),
            lambda: butler.query_datasets("raw").to_polars(),
            repository.check,
            lambda: repository.transaction().__enter__(),
            lambda: Butler.open(root),
            lambda: Repository.create(Path(root, "new")),
        ]
        return sum(1 << i for i, work in enumerate(works) if not refused(work)) & 255

    assert _fork(child) == 0
    assert not Path(root, "new").exists()


def test_what_was_deleted_and_put_again_is_there_when_that_is_undone(
    repository, butler
):
    old = butler.put({"level": 1}, "raw", RAW)

    def fail():
        with butler.transaction():
            repository.delete([old])
            assert butler.find_dataset("raw", RAW, collections="mine") is None
            butler.put({"level": 2}, "raw", RAW)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert butler.get("raw", RAW, collections="mine") == {"level": 1}
    assert _is_whole(repository)


def test_a_deleted_ref_is_put_again_when_the_deletion_is_committed(repository, butler):
    old = butler.put({"level": 1}, "raw", RAW)

    def replace():
        with butler.transaction():
            repository.delete([old])
            butler.put({"level": 2}, old)

    with pytest.raises(ConflictError, match="deleted in this transaction"):
        replace()
    assert butler.get(old) == {"level": 1}
    repository.delete([old])
    assert not _stored(repository)
    butler.put({"level": 3}, old)
    assert butler.get(old) == {"level": 3}
    assert _is_whole(repository)


def test_files_of_deleted_datasets_go_with_the_commit(repository, butler):
    refs = [butler.put({"level": d}, "raw", exposure=1, detector=d) for d in range(3)]
    with butler.transaction():
        repository.delete(refs[:2])
        assert len(_stored(repository)) == 3
    assert len(_stored(repository)) == 1
    assert butler.get(refs[2]) == {"level": 2}
    assert _is_whole(repository)


def test_a_conflict_within_a_transaction_never_touches_what_is_there(
    repository, butler, tmp_path
):
    kept = butler.put({"level": 1}, "raw", RAW)
    source = tmp_path / "a.json"
    source.write_text(json.dumps({"level": 2}))
    file = FileDataset(source, kept.dataset_type, kept.data_id, "mine")
    with butler.transaction():
        for again in (
            lambda: butler.put({"level": 2}, "raw", RAW),
            lambda: butler.put({"level": 2}, kept),
            lambda: butler.ingest([file], "move"),
        ):
            with pytest.raises(ConflictError):
                again()
            assert butler.get(kept) == {"level": 1}
    assert source.exists()
    assert _is_whole(repository)


@pytest.mark.parametrize("mode", ["symlink", "direct"])
def test_a_file_of_the_datastore_itself_is_not_referred_to(repository, butler, mode):
    """`check` would take it for a file that no record names."""
    kept = butler.put({"level": 1}, "raw", RAW)
    (place,) = _stored(repository)
    data_id = {"instrument": "Cam", "exposure": 1, "detector": 1}
    file = FileDataset(place, kept.dataset_type, data_id, "mine")
    with pytest.raises(InvalidInputError, match="copy"):
        butler.ingest([file], mode)
    assert _is_whole(repository)


def _put_and_fail(butler, data_id) -> None:
    def fail():
        with butler.transaction():
            butler.put({"level": 0}, "raw", data_id)
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def test_threads_share_a_butler_and_each_has_its_own_transaction(repository, butler):
    ready = threading.Barrier(4)
    failures = []

    def work(detector: int) -> None:
        try:
            ready.wait()
            for exposure in (1, 2, 3):
                data_id = {"exposure": exposure, "detector": detector}
                if exposure == 2:
                    _put_and_fail(butler, data_id)
                ref = butler.put({"level": detector}, "raw", data_id)
                assert butler.get(ref) == {"level": detector}
                assert butler.get("raw", data_id) == {"level": detector}
                assert not repository.has_open_transaction
        except BaseException as error:  # noqa: BLE001 - shown by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(d,)) for d in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert butler.query_datasets("raw", collections="mine").count() == 12
    assert len(_stored(repository)) == 12
    assert _is_whole(repository)


def test_what_happens_in_one_thread_s_transaction_is_not_another_s(repository, butler):
    other = []

    def put_elsewhere() -> None:
        try:
            repository.registry.lock_timeout_s = 0.1
            assert not repository.has_open_transaction
            butler.put({"level": 1}, "raw", exposure=1, detector=1)
        except PantlerError as error:
            other.append(error)

    with butler.transaction():
        ref = butler.put({"level": 5}, "raw", RAW)
        thread = threading.Thread(target=put_elsewhere)
        thread.start()
        thread.join()
    (error,) = other
    assert isinstance(error, ConflictError)
    assert butler.get(ref) == {"level": 5}
    assert len(_stored(repository)) == 1
    assert _is_whole(repository)
