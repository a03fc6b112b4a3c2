"""Two who do the same, or the opposite, at the same moment: never is both half done.

Part of `pantler.testing.registry.RegistrySuite`. SQLite is spared much of this, as it
has one writer at a time; other databases need constraints and locks for it.
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    InvalidInputError,
    PantlerError,
)
from pantler.queries.query import DatasetSearch, Query
from pantler.testing.survey import (
    DETECTORS,
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pantler.registry.interface import Registry

    OpenAgain = Callable[[], Registry]
    Work = Callable[[Registry], Any]

ROUNDS = 8


def race(open_again: OpenAgain, *works: Iterable[Work]) -> list[list[Any]]:
    """Let some do things at the same moments, each on a registry opened by itself.

    Parameters
    ----------
    open_again
        Opens the registry.
    *works
        For each, what to do in every round.

    Returns
    -------
    list
        For each round, what each has returned, or our error.
    """
    turns = list(zip(*works, strict=True))
    meet = threading.Barrier(len(works))
    results: list[list[Any]] = [[None] * len(works) for _ in turns]
    failures: list[BaseException] = []

    def run(place: int) -> None:
        try:
            with closing(open_again()) as registry:
                for number, work in enumerate(turns):
                    meet.wait(60)
                    try:
                        results[number][place] = work[place](registry)
                    except PantlerError as error:
                        results[number][place] = error
        except BaseException as error:  # noqa: BLE001 - it is shown below
            failures.append(error)
            meet.abort()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    return results


def rounds(
    work: Callable[[Registry, Any], Any], given: Iterable[Any] = range(ROUNDS)
) -> list[Work]:
    """Return what to do in each round: the same, with what is given for it."""

    def make(one: Any) -> Work:
        return lambda own: work(own, one)

    return [make(one) for one in given]


def _sorted(found: Iterable[object]) -> list[str]:
    return sorted(type(one).__name__ for one in found)


class RaceSuite:
    """What others do at the same moment."""

    def test_a_collection_is_registered_once_by_all_who_do(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """One has made it, and all have it."""

        def work(own: Registry, number: int) -> bool:
            return own.collections.register(f"run {number}", CollectionType.RUN)

        turns = rounds(work)
        for made in race(open_again, turns, turns, turns):
            assert sorted(made) == [False, False, True]
        assert len(registry.collections.all()) == ROUNDS

    def test_what_is_registered_already_waits_for_nobody(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Not even for who is changing the same things, and may take long."""
        fill_survey(registry)
        raw = raw_type(registry)
        registry.collections.register("old", CollectionType.RUN)
        with closing(open_again()) as own:
            own.lock_timeout_s = 0.5
            with registry.transaction():
                registry.collections.register("new", CollectionType.RUN)
                assert not own.collections.register("old", CollectionType.RUN)
                assert not own.dataset_types.register(raw)

    def test_a_name_is_of_one_kind_of_collection(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Who comes second is told which."""

        def turns(kind: CollectionType) -> list[Work]:
            return rounds(lambda own, n: own.collections.register(f"{n}", kind))

        works = turns(CollectionType.RUN), turns(CollectionType.TAGGED)
        for number, made in enumerate(race(open_again, *works)):
            assert _sorted(made) == ["ConflictError", "bool"]
            kind = registry.collections.get(f"{number}").type
            assert made[kind is CollectionType.TAGGED] is True

    def test_a_dataset_type_is_registered_once_by_all_who_do(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Also one of dimensions that no type had before, whose data IDs are new."""
        fill_survey(registry)
        groups = [
            ["detector"],
            ["exposure"],
            ["exposure", "detector"],
            ["visit"],
            ["visit", "detector"],
            ["tract"],
            ["patch"],
            ["patch", "band"],
        ]

        def turns(prefix: str) -> list[Work]:
            return rounds(
                lambda own, names: own.dataset_types.register(
                    DatasetType(
                        f"{prefix}{'_'.join(names)}",
                        own.universe.group(names),
                        "StructuredDict",
                    )
                ),
                groups,
            )

        for made in race(open_again, turns(""), turns(""), turns("other_")):
            assert sorted(made) == [False, True, True]
        assert len(registry.dataset_types.all()) == 2 * len(groups)
        for name in ("exposure_detector", "other_exposure_detector"):
            insert_some(registry, registry.dataset_types.get(name), "run", [1])

    def test_chains_do_not_come_to_search_themselves(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Two make each other a child: one of them is refused."""

        def turns(one: str, other: str) -> list[Work]:
            return rounds(
                lambda own, n: own.collections.set_chain(f"{one} {n}", [f"{other} {n}"])
            )

        for number in range(ROUNDS):
            registry.collections.set_chain(f"a {number}", [])
            registry.collections.set_chain(f"b {number}", [])
        for number, made in enumerate(
            race(open_again, turns("a", "b"), turns("b", "a"))
        ):
            assert _sorted(made) == ["InvalidInputError", "NoneType"]
            assert any(isinstance(one, InvalidInputError) for one in made)
            chains = [registry.collections.get(f"{name} {number}") for name in "ab"]
            assert sum(len(chain.children) for chain in chains) == 1

    def test_certifications_do_not_come_to_overlap(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Whoever is first has the time; who comes second is told for which."""
        fill_survey(registry)
        bias = bias_type(registry)
        biases = [insert_some(registry, bias, run) for run in ("one", "two")]
        registry.collections.register("calib", CollectionType.CALIBRATION)

        def turns(which: int) -> list[Work]:
            return rounds(
                lambda own, n: own.collections.certify(
                    "calib",
                    biases[which],
                    Timespan(100 * n + 10 * which, 100 * n + 50 + 10 * which),
                )
            )

        for made in race(open_again, turns(0), turns(1)):
            assert _sorted(made) == ["ConflictError", "NoneType"]
            (error,) = [one for one in made if one is not None]
            assert "detector" in str(error)
        search = DatasetSearch(bias, ("calib",), find_first=False)
        found = registry.query(Query(bias.dimensions, target=search))
        assert found.height == ROUNDS * len(DETECTORS)

    def test_a_data_id_is_one_whoever_has_it_first(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Those who insert the same data IDs at once mean the same."""
        fill_survey(registry)
        types = [raw_type(registry, f"type{n}") for n in range(3)]

        def turns(which: int) -> list[Work]:
            return rounds(
                lambda own, n: insert_some(own, types[which], f"run {which}", [n]),
                (1, 2, 3),
            )

        for made in race(open_again, turns(0), turns(1), turns(2)):
            assert all(len(ids) == len(DETECTORS) for ids in made)
        query = Query(
            types[0].dimensions,
            datasets=tuple(
                DatasetSearch(one, (f"run {n}",)) for n, one in enumerate(types)
            ),
        )
        assert registry.count(query) == 3 * len(DETECTORS)

    def test_of_two_who_insert_the_same_one_is_told(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """And nothing of that one is there."""
        fill_survey(registry)
        raw = raw_type(registry)
        for n in range(ROUNDS):
            registry.collections.register(f"run {n}", CollectionType.RUN)
        turns = rounds(lambda own, n: insert_some(own, raw, f"run {n}"))
        for number, made in enumerate(race(open_again, turns, turns)):
            assert _sorted(made) == ["ConflictError", "list"]
            (error,) = [one for one in made if isinstance(one, ConflictError)]
            assert "exposure: 1" in str(error)
            (ids,) = [one for one in made if isinstance(one, list)]
            search = DatasetSearch(raw, (f"run {number}",))
            found = registry.query(Query(raw.dimensions, target=search))
            assert sorted(found["dataset_id"]) == sorted(ids)

    def test_who_inserts_while_others_delete_is_not_harmed(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """The deleted ones are gone, the new ones are there."""
        fill_survey(registry)
        raw = raw_type(registry)
        old = [insert_some(registry, raw, "run", [n]) for n in (1, 2)]

        def insert(own: Registry, number: int) -> list[bytes]:
            return insert_some(own, raw, f"run {number}", [number])

        doing = rounds(insert, (1, 2))
        undoing = rounds(lambda own, n: own.datasets.delete(old[n - 1]), (1, 2))
        for ids, _ in race(open_again, doing, undoing):
            assert all(registry.datasets.get(one) for one in ids)
        assert not any(registry.datasets.get(one) for ids in old for one in ids)
        for number in (1, 2):
            search = DatasetSearch(raw, (f"run {number}",))
            assert registry.count(Query(raw.dimensions, target=search)) == 4

    def test_what_is_tagged_while_it_is_deleted_is_either(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """No collection is left with a dataset that does not exist."""
        fill_survey(registry)
        raw = raw_type(registry)
        runs = [insert_some(registry, raw, f"run {n}", [1]) for n in range(ROUNDS)]
        for n in range(ROUNDS):
            registry.collections.register(f"tag {n}", CollectionType.TAGGED)
        tagging = rounds(lambda own, n: own.collections.associate(f"tag {n}", runs[n]))
        deleting = rounds(lambda own, n: own.datasets.delete(runs[n]))
        for number, (tagged, deleted) in enumerate(race(open_again, tagging, deleting)):
            assert tagged is None or isinstance(tagged, PantlerError)
            assert deleted is None
            assert registry.datasets.get(runs[number][0]) is None
            search = DatasetSearch(raw, (f"tag {number}",))
            assert registry.count(Query(raw.dimensions, target=search)) == 0
            # The place in the collection is free for another.
            again = insert_some(registry, raw, f"again {number}", [1])
            registry.collections.associate(f"tag {number}", again)
            found = registry.query(Query(raw.dimensions, target=search))
            assert sorted(found["dataset_id"]) == sorted(again)

    def test_a_run_is_removed_or_has_new_datasets(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Never is there a dataset in a run that does not exist."""
        fill_survey(registry)
        raw = raw_type(registry)
        for n in range(ROUNDS):
            registry.collections.register(f"run {n}", CollectionType.RUN)

        def put(own: Registry, number: int) -> list[bytes]:
            ids = uuid_series(make_uuids(1))
            data_id = {"instrument": "Cam", "exposure": 1, "detector": 2}
            own.datasets.insert(raw, f"run {number}", pl.DataFrame([data_id]), ids)
            return list(ids.to_list())

        putting = rounds(put)
        removing = rounds(lambda own, n: own.collections.remove(f"run {n}"))
        names = {f"run {n}" for n in range(ROUNDS)}
        for number, (ids, gone) in enumerate(race(open_again, putting, removing)):
            if gone is None:
                assert isinstance(ids, CollectionNotFoundError | ConflictError)
                names.remove(f"run {number}")
            else:
                assert isinstance(gone, ConflictError)
                ref = registry.datasets.get(ids[0])
                assert ref is not None
                assert ref.run == f"run {number}"
        assert {collection.name for collection in registry.collections.all()} == names

    def test_equal_records_may_be_inserted_by_several(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Whoever is first; others who have the same are content."""

        def insert(own: Registry, number: int, *, turned: bool) -> int:
            rows: list[dict[str, object]] = [
                {"instrument": f"Cam {number}", "class_name": f"{n}"} for n in "a"
            ]
            own.dimensions.insert("instrument", rows)
            rows = [
                {"instrument": f"Cam {number}", "detector": n, "full_name": f"S{n}"}
                for n in range(30)
            ]
            return own.dimensions.insert(
                "detector", rows[::-1] if turned else rows, on_conflict="skip"
            )

        works = [
            rounds(functools.partial(insert, turned=turned)) for turned in (False, True)
        ]
        for made in race(open_again, *works):
            assert sorted(made) == [0, 30]
        group = registry.universe.group(["detector"])
        assert registry.count(Query(group)) == 30 * ROUNDS

    @pytest.mark.parametrize("kind", ["TAGGED", "CALIBRATION"])
    def test_what_is_put_into_a_collection_is_deleted_from_there_too(
        self, registry: Registry, open_again: OpenAgain, kind: str
    ) -> None:
        """Who deletes waits for who put it there, also into a new collection."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        ref = registry.datasets.get(ids[0])
        assert ref is not None

        def delete() -> None:
            with closing(open_again()) as own:
                own.datasets.delete(ids)

        with ThreadPoolExecutor(1) as pool:
            with registry.transaction():
                registry.collections.register("in", CollectionType[kind])
                if kind == "TAGGED":
                    registry.collections.associate("in", ids)
                else:
                    registry.collections.certify("in", ids, Timespan(0, 100))
                deletion = pool.submit(delete)
                time.sleep(0.2)
                assert not deletion.done()
            deletion.result()
        span = None if kind == "TAGGED" else Timespan(5, 6)
        assert registry.datasets.find(bias, ref.data_id, ["in"], span) is None

    def test_what_came_just_now_is_known(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Also within a transaction that began before, where it can be seen there."""
        fill_survey(registry)
        made: list[list[bytes]] = []

        def insert() -> None:
            with closing(open_again()) as own:
                made.append(insert_some(own, raw_type(own), "run", [1]))

        with ThreadPoolExecutor(1) as pool:
            with registry.transaction():
                assert registry.collections.all() == []
                inserting = pool.submit(insert)
                wait([inserting], 1)
                ref = registry.datasets.get(made[0][0]) if made else None
                assert ref is None or ref.run == "run"
            inserting.result()
        ref = registry.datasets.get(made[0][0])
        assert ref is not None
        assert ref.run == "run"
