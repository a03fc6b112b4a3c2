"""Many threads share a butler: they put, get, query and tag at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import ConflictError, DatasetNotFoundError

THREADS, ROUNDS = 6, 5
EVERY = [(exposure, detector) for exposure in (1, 2, 3) for detector in (0, 1, 2, 3)]


@pytest.fixture
def note(butler):
    """A registered type of exposure and detector."""
    group = butler.universe.group(["exposure", "detector"])
    made = DatasetType("note", group, "StructuredDict")
    butler.dataset_types.register(made)
    return made


def together(work):
    """Run a function in every thread at the same time; return the results."""
    start = threading.Barrier(THREADS, timeout=30)

    def begin(number):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_threads_put_get_and_query_in_runs_of_their_own(butler, note):
    def work(number):
        for turn in range(ROUNDS):
            run = f"run {number}"
            exposure, detector = EVERY[turn]
            keys = {"exposure": exposure, "detector": detector}
            ref = butler.put({"by": number, "turn": turn}, note, keys, run=run)
            assert butler.get(ref) == {"by": number, "turn": turn}
            got = butler.get("note", keys, collections=run)
            assert got == {"by": number, "turn": turn}
            found = butler.query_datasets("note", collections=run)
            assert found.count() == turn + 1
            assert butler.get("raw", keys)["level"] == 100 * exposure + detector
            butler.collections.chain(f"chain {number}", [run, "Cam/raw"])
            chained = butler.find_dataset("note", keys, collections=f"chain {number}")
            assert chained == ref
        return number

    assert together(work) == list(range(THREADS))
    runs = [f"run {number}" for number in range(THREADS)]
    found = butler.query_datasets("note", collections=runs, find_first=False)
    assert found.count() == THREADS * ROUNDS


def test_of_threads_that_put_the_same_one_succeeds(butler, note):
    def work(number):
        won = []
        for exposure, detector in EVERY:
            try:
                keys = {"exposure": exposure, "detector": detector}
                butler.put({"by": number}, note, keys, run="shared")
            except ConflictError:
                continue
            won.append((exposure, detector))
        return won

    won = together(work)
    assert sorted(one for part in won for one in part) == EVERY
    for number, part in enumerate(won):
        for exposure, detector in part:
            got = butler.get(
                "note", exposure=exposure, detector=detector, collections="shared"
            )
            assert got == {"by": number}


def test_a_transaction_of_one_thread_is_hidden_from_the_others(butler, note):
    inside, seen = threading.Event(), threading.Event()
    keys = {"exposure": 1, "detector": 1}

    def look():
        assert inside.wait(30)
        with pytest.raises(DatasetNotFoundError):
            butler.get("note", keys, collections="mine")
        seen.set()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        with butler.transaction():
            butler.put({"x": 1}, note, keys)
            inside.set()
            assert seen.wait(30)
        looking.result()
    assert butler.get("note", keys) == {"x": 1}


def test_a_get_sees_one_state_of_the_registry(tmp_path, survey_repository):
    # With this journal, others can write while one reads.
    from pantler.config.settings import RepositorySettings

    settings = RepositorySettings.from_yaml(
        "registry: {journal: wal, durability: process}"
    )
    with (
        Repository.create(tmp_path / "new", settings=settings) as repository,
        Repository.open(tmp_path / "new", writeable=True) as other,
    ):
        butler, changing = Butler.of(repository), Butler.of(other)
        butler.dimensions.insert("instrument", [{"instrument": "Cam"}])
        group = butler.universe.group(["instrument"])
        butler.dataset_types.register(DatasetType("note", group, "StructuredDict"))
        for run in ("old", "new"):
            butler.put({"run": run}, "note", instrument="Cam", run=run)
        butler.collections.chain("chain", ["old"])
        expand = repository.registry.dimensions.expand

        def expand_slowly(data_id, group):
            full = expand(data_id, group)
            changing.collections.chain("chain", ["new"])
            return full

        repository.registry.dimensions.expand = expand_slowly
        # No value is given, so that the data ID is completed first.
        assert butler.get("note", collections="chain") == {"run": "old"}
        assert butler.get("note", collections="chain") == {"run": "new"}
