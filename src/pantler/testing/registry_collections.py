"""What can be done with collections and dataset types that are there.

Part of `pantler.testing.registry.RegistrySuite`. Besides ``registry`` it needs a
fixture ``open_again``: a function that opens the same registry once more, for writing.
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl
import pytest

from pantler.datasets.collection import Collection, CollectionSummary, CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DatasetTypeNotFoundError,
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
    from collections.abc import Callable

    from pantler.registry.interface import Registry

    OpenAgain = Callable[[], Registry]

WRITERS, ROUNDS = 4, 5


def _runs(registry: Registry, names: str) -> list[str]:
    for name in names:
        registry.collections.register(name, CollectionType.RUN)
    return list(names)


def _children(registry: Registry, name: str) -> str:
    return "".join(registry.collections.get(name).children)


def _at_once(works: list[Callable[[], object]]) -> list[Exception]:
    """Run functions in threads that begin together; return the errors of ours."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> PantlerError | None:
        barrier.wait(timeout=30)
        try:
            work()
        except PantlerError as error:
            return error
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        found = list(pool.map(run, works))
    return [error for error in found if error is not None]


def _valid(registry: Registry, name: str) -> dict[int, list[tuple[int, int, bytes]]]:
    """Return the validity ranges of the biases in a collection, by detector."""
    bias = registry.dataset_types.get("bias")
    search = DatasetSearch(bias, (name,), find_first=False)
    frame = registry.query(Query(bias.dimensions, target=search))
    found: dict[int, list[tuple[int, int, bytes]]] = {}
    for row in frame.sort("detector", "timespan_begin").iter_rows(named=True):
        one = (row["timespan_begin"], row["timespan_end"], row["dataset_id"])
        found.setdefault(row["detector"], []).append(one)
    return found


class ChainSuite:
    """Changes of chains."""

    def test_a_chain_is_extended_and_reduced(self, registry: Registry) -> None:
        """Names that are there already move; the order is that of the call."""
        collections = registry.collections
        _runs(registry, "abcdef")
        collections.extend_chain("chain", ["a", "b"])
        collections.extend_chain("chain", ["c", "a", "c"])
        assert _children(registry, "chain") == "bca"
        collections.prepend_chain("chain", ["d", "a"])
        collections.prepend_chain("chain", ["e"])
        assert _children(registry, "chain") == "edabc"
        collections.remove_from_chain("chain", ["a", "e"])
        assert _children(registry, "chain") == "dbc"
        collections.extend_chain("chain", ["f"])
        collections.extend_chain("chain", [])
        assert _children(registry, "chain") == "dbcf"
        flat = collections.flatten(["chain"])
        assert [c.name for c in flat] == list("dbcf")
        collections.prepend_chain("other", ["f", "a"])
        assert _children(registry, "other") == "fa"

    def test_what_cannot_be_done_to_a_chain(self, registry: Registry) -> None:
        """It is refused with names, and the chain stays."""
        collections = registry.collections
        _runs(registry, "abc")
        collections.set_chain("chain", ["a", "b"])
        collections.set_chain("outer", ["chain"])
        for change in (
            collections.extend_chain,
            collections.prepend_chain,
            collections.remove_from_chain,
        ):
            with pytest.raises(CollectionNotFoundError, match="'nobody'"):
                change("chain", ["a", "nobody"])
            with pytest.raises((ConflictError, InvalidInputError), match="RUN"):
                change("a", ["b"])
        for change in (collections.extend_chain, collections.prepend_chain):
            for child in ("outer", "chain"):
                with pytest.raises(InvalidInputError, match="itself"):
                    change("chain", ["c", child])
        with pytest.raises(CollectionNotFoundError, match="does not search 'c'"):
            collections.remove_from_chain("chain", ["a", "c"])
        with pytest.raises(CollectionNotFoundError, match="'nowhere'"):
            collections.remove_from_chain("nowhere", ["a"])
        assert _children(registry, "chain") == "ab"

    def test_changes_of_a_chain_at_once_lose_nothing(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Each writer has a registry of its own, as processes have."""
        registry.collections.set_chain("chain", _runs(registry, "x"))

        def work(number: int) -> None:
            with closing(open_again()) as own:
                for turn in range(ROUNDS):
                    name = f"run {number} {turn}"
                    own.collections.register(name, CollectionType.RUN)
                    own.collections.prepend_chain("chain", [name])

        def at(number: int) -> Callable[[], None]:
            return lambda: work(number)

        assert not _at_once([at(number) for number in range(WRITERS)])
        found = registry.collections.get("chain").children
        expected = {f"run {n} {t}" for n in range(WRITERS) for t in range(ROUNDS)}
        assert found[-1] == "x"
        assert set(found) == expected | {"x"}
        assert len(found) == len(expected) + 1
        for number in range(WRITERS):
            mine = [name for name in found if name.startswith(f"run {number} ")]
            turns = [int(name.split()[-1]) for name in mine]
            assert turns == sorted(turns, reverse=True)

    def test_a_cycle_is_refused_also_if_two_make_it(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """One puts a into b as another puts b into a: one of them is refused."""
        for turn in range(ROUNDS):
            one, two = f"one {turn}", f"two {turn}"
            for name in (one, two):
                registry.collections.set_chain(name, [])
            with closing(open_again()) as first, closing(open_again()) as second:
                errors = _at_once(
                    [
                        lambda: first.collections.extend_chain(one, [two]),  # noqa: B023
                        lambda: second.collections.extend_chain(two, [one]),  # noqa: B023
                    ]
                )
            assert len(errors) == 1
            assert isinstance(errors[0], InvalidInputError)
            assert "itself" in str(errors[0])
            found = [registry.collections.get(name).children for name in (one, two)]
            assert sorted(found) in ([(), (one,)], [(), (two,)])

    def test_the_parents_of_a_collection_are_known(self, registry: Registry) -> None:
        """Those that have it as a child; not those that reach it by another."""
        collections = registry.collections
        _runs(registry, "ab")
        collections.set_chain("two", ["a"])
        collections.set_chain("one", ["b", "a"])
        collections.set_chain("top", ["one"])
        assert collections.parents("a") == ["one", "two"]
        assert collections.parents("one") == ["top"]
        assert collections.parents("top") == []
        with pytest.raises(CollectionNotFoundError, match="'c'"):
            collections.parents("c")


class NameSuite:
    """Docs and names of collections and dataset types."""

    def test_what_a_collection_holds_is_said(self, registry: Registry) -> None:
        """When it is registered, and later in other words."""
        collections = registry.collections
        collections.register("a", CollectionType.RUN, "first words")
        collections.set_doc("a", 'it\'s "other"; words\n')
        assert collections.get("a").doc == 'it\'s "other"; words\n'
        assert not collections.register("a", CollectionType.RUN, "no matter")
        collections.set_doc("a", "")
        assert collections.get("a").doc == ""
        with pytest.raises(CollectionNotFoundError, match="'b'"):
            collections.set_doc("b", "")

    def test_what_uses_a_collection_follows_its_new_name(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Chains, datasets and searches, also for others who have it open."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "old")
        registry.collections.set_chain("chain", ["old"])
        registry.collections.set_chain("top", ["chain"])
        with closing(open_again()) as other:
            assert other.collections.flatten(["top"])[0].name == "old"
            assert other.collections.dataset_types("old") == ["raw"]
            registry.collections.rename("old", "new")
            registry.collections.rename("chain", "belt")
            for one in (registry, other):
                assert one.collections.get("belt").children == ("new",)
                assert one.collections.get("top").children == ("belt",)
                ref = one.datasets.get(ids[0])
                assert ref is not None
                assert ref.run == "new"
                assert one.datasets.find(raw, ref.data_id, ["top"]) == ref
                assert one.collections.dataset_types("new") == ["raw"]
                for gone in ("old", "chain"):
                    with pytest.raises(CollectionNotFoundError, match=f"'{gone}'"):
                        one.collections.get(gone)
            more = insert_some(other, bias_type(other), "new")
            assert registry.datasets.get(more[0]) is not None
            # The names that were left are free.
            other.collections.register("old", CollectionType.TAGGED)
            registry.collections.rename("new", "newer")
            other.collections.rename("old", "new")
            names = [c.name for c in registry.collections.all()]
            assert names == ["belt", "new", "newer", "top"]
            assert names == [c.name for c in other.collections.all()]

    def test_a_name_that_is_taken_or_is_none_is_refused(
        self, registry: Registry
    ) -> None:
        """And the collection keeps its own."""
        collections = registry.collections
        _runs(registry, "ab")
        with pytest.raises(ConflictError, match="'b'"):
            collections.rename("a", "b")
        with pytest.raises(InvalidInputError, match="cannot name a collection"):
            collections.rename("a", "a*")
        with pytest.raises(CollectionNotFoundError, match="'c'"):
            collections.rename("c", "d")
        collections.rename("a", "a")
        assert [c.name for c in collections.all()] == ["a", "b"]

    def test_a_new_name_that_is_undone_is_the_old_one(self, registry: Registry) -> None:
        """In memory too."""
        _runs(registry, "a")
        registry.collections.set_chain("chain", ["a"])
        with pytest.raises(ZeroDivisionError), registry.transaction():  # noqa: PT012 - all fails
            registry.collections.rename("a", "b")
            assert registry.collections.get("chain").children == ("b",)
            raise ZeroDivisionError
        chain = Collection("chain", CollectionType.CHAINED, "", ("a",))
        assert registry.collections.all() == [
            Collection("a", CollectionType.RUN),
            chain,
        ]

    def test_a_dataset_type_gets_another_name(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Its datasets go on, under that name, for others too."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        with closing(open_again()) as other:
            assert other.dataset_types.find("raw") == raw
            registry.dataset_types.rename("raw", "frame")
            for one in (registry, other):
                frame = one.dataset_types.get("frame")
                assert frame == DatasetType("frame", raw.dimensions, raw.storage_class)
                assert one.dataset_types.find("raw") is None
                ref = one.datasets.get(ids[0])
                assert ref is not None
                assert ref.dataset_type == frame
                assert one.datasets.find(frame, ref.data_id, ["run"]) == ref
                assert one.collections.dataset_types("run") == ["frame"]
        bias_type(registry)
        with pytest.raises(ConflictError, match="'bias'"):
            registry.dataset_types.rename("frame", "bias")
        with pytest.raises(InvalidInputError, match="cannot name a dataset type"):
            registry.dataset_types.rename("frame", "a-b")
        with pytest.raises(DatasetTypeNotFoundError, match="'raw'"):
            registry.dataset_types.rename("raw", "x")
        registry.dataset_types.rename("frame", "frame")
        assert [t.name for t in registry.dataset_types.all()] == ["bias", "frame"]

    def test_only_an_unused_dataset_type_is_removed(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Another of its name may follow, of other dimensions."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        with pytest.raises(ConflictError, match="'run'"):
            registry.dataset_types.remove("raw")
        registry.datasets.delete(ids)
        with closing(open_again()) as other:
            assert other.dataset_types.find("raw") == raw
            registry.dataset_types.remove("raw")
            for one in (registry, other):
                assert one.dataset_types.all() == []
                assert one.collections.dataset_types("run") == []
            with pytest.raises(DatasetTypeNotFoundError, match="'raw'"):
                registry.dataset_types.remove("raw")
            again = DatasetType("raw", raw.dimensions, "ArrowTable")
        with closing(open_again()) as other:
            assert other.dataset_types.register(again)
            bias = bias_type(other)
            insert_some(other, bias, "run")
            assert registry.dataset_types.get("raw") == again
            assert registry.collections.dataset_types("run") == ["bias"]
            frame = registry.query(
                Query(raw.dimensions, target=DatasetSearch(again, ("run",)))
            )
            assert frame.is_empty()

    def test_two_register_the_same_at_once(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """One of them is told that it was the first; nothing is there twice."""
        visit = registry.universe.group(["visit"])
        for turn in range(ROUNDS):
            firsts: list[bool] = []

            def work(turn: int = turn, firsts: list[bool] = firsts) -> None:
                with closing(open_again()) as own:
                    made = own.collections.register(f"c{turn}", CollectionType.TAGGED)
                    firsts.append(made)
                    kind = DatasetType(f"t{turn}", visit, "StructuredDict")
                    firsts.append(own.dataset_types.register(kind))

            assert not _at_once([work] * WRITERS)
            assert sorted(firsts) == [False] * (2 * WRITERS - 2) + [True, True]
        assert len(registry.collections.all()) == ROUNDS
        assert len(registry.dataset_types.all()) == ROUNDS


class SummarySuite:
    """What collections hold."""

    def test_a_summary_is_exact(self, registry: Registry) -> None:
        """After deletes, disassociation and the end of validity too."""
        fill_survey(registry)
        registry.dimensions.insert("instrument", [{"instrument": "Other"}])
        registry.dimensions.insert(
            "detector",
            [
                {
                    "instrument": "Other",
                    "detector": 0,
                    "full_name": "S0",
                    "purpose": "SCIENCE",
                }
            ],
        )
        collections = registry.collections
        raw, bias = raw_type(registry), bias_type(registry)
        ids = insert_some(registry, bias, "run")
        other = uuid_series(make_uuids(1))
        frame = pl.DataFrame({"instrument": ["Other"], "detector": [0]})
        registry.datasets.insert(bias, "run", frame, other)
        raws = insert_some(registry, raw, "run", [1])
        collections.register("tag", CollectionType.TAGGED)
        collections.register("calib", CollectionType.CALIBRATION)
        collections.associate("tag", [*raws, other[0]])
        collections.certify("calib", ids, Timespan(0, 100))
        collections.set_chain("chain", ["tag", "calib"])

        def summary(name: str) -> tuple[str, str]:
            found = collections.summary(name)
            assert list(found.dataset_types) == collections.dataset_types(name)
            values = ",".join(map(str, found.governors.get("instrument", ())))
            return " ".join(found.dataset_types), values

        assert summary("run") == ("bias raw", "Cam,Other")
        assert summary("tag") == ("bias raw", "Cam,Other")
        assert summary("calib") == ("bias", "Cam")
        assert summary("chain") == ("bias raw", "Cam,Other")
        collections.disassociate("tag", [other[0]])
        assert summary("tag") == ("raw", "Cam")
        registry.datasets.delete(raws)
        assert collections.summary("tag") == CollectionSummary((), {})
        assert summary("run") == ("bias", "Cam,Other")
        registry.datasets.delete([other[0]])
        assert summary("run") == ("bias", "Cam")
        assert summary("chain") == ("bias", "Cam")
        collections.decertify("calib", "bias", Timespan(0, 100))
        assert collections.summary("chain") == CollectionSummary((), {})


class ValiditySuite:
    """Validity ranges that are cut and replaced."""

    @pytest.mark.parametrize(
        ("begin", "end", "left"),
        [
            (0, 100, [(100, 200)]),
            (50, 150, [(150, 200)]),
            (150, 250, [(100, 150)]),
            (120, 180, [(100, 120), (180, 200)]),
            (100, 200, []),
            (0, 300, []),
            (100, 150, [(150, 200)]),
            (150, 200, [(100, 150)]),
            (200, 300, [(100, 200)]),
        ],
    )
    def test_a_time_is_taken_out_of_ranges(
        self, registry: Registry, begin: int, end: int, left: list[tuple[int, int]]
    ) -> None:
        """The range that is there is 100 to 200, for each of four detectors."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        collections = registry.collections
        for name in ("calib", "other"):
            collections.register(name, CollectionType.CALIBRATION)
            collections.certify(name, ids, Timespan(100, 200))
        some = pl.DataFrame({"instrument": "Cam", "detector": [0, 2]})
        count = collections.decertify("calib", "bias", Timespan(begin, end), some)
        assert count == (0 if left == [(100, 200)] else 2)
        whole = {d: [(100, 200, ids[d])] for d in DETECTORS}
        expected = {
            d: [(*span, ids[d]) for span in (left if d in {0, 2} else [(100, 200)])]
            for d in DETECTORS
        }
        assert _valid(registry, "calib") == {d: e for d, e in expected.items() if e}
        assert _valid(registry, "other") == whole
        collections.decertify("other", "bias", Timespan(begin, end))
        expected = {d: [(*span, ids[d]) for span in left] for d in DETECTORS}
        assert _valid(registry, "other") == {d: e for d, e in expected.items() if e}

    def test_a_certification_is_replaced(self, registry: Registry) -> None:
        """What was valid then is cut; what is not concerned stays."""
        fill_survey(registry)
        bias = bias_type(registry)
        old, new = (insert_some(registry, bias, name) for name in ("old", "new"))
        collections = registry.collections
        collections.register("calib", CollectionType.CALIBRATION)
        collections.certify("calib", old, Timespan(0, 100))
        with pytest.raises(ConflictError, match="detector: 1"):
            collections.certify("calib", new[1:3], Timespan(50, 60))
        collections.certify("calib", new[1:3], Timespan(50, 60), replace=True)
        collections.certify("calib", new[1:2], Timespan(90, 120), replace=True)
        whole = [(0, 100)]
        split = [(0, 50), (60, 100)]
        assert _valid(registry, "calib") == {
            0: [(*span, old[0]) for span in whole],
            1: [
                (0, 50, old[1]),
                (50, 60, new[1]),
                (60, 90, old[1]),
                (90, 120, new[1]),
            ],
            2: sorted([*((*span, old[2]) for span in split), (50, 60, new[2])]),
            3: [(*span, old[3]) for span in whole],
        }

    def test_what_cannot_be_decertified(self, registry: Registry) -> None:
        """Collections of other kinds, types that are none, and what is not there."""
        fill_survey(registry)
        insert_some(registry, bias_type(registry), "run")
        raw_type(registry)
        collections = registry.collections
        collections.register("calib", CollectionType.CALIBRATION)
        span = Timespan(0, 100)
        with pytest.raises(InvalidInputError, match="RUN, not CALIBRATION"):
            collections.decertify("run", "bias", span)
        with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'bias'"):
            collections.decertify("calib", "bais", span)
        with pytest.raises(InvalidInputError, match="'raw'"):
            collections.decertify("calib", "raw", span)
        with pytest.raises(CollectionNotFoundError, match="'calibs'"):
            collections.decertify("calibs", "bias", span)
        unknown = pl.DataFrame({"instrument": ["Cam"], "detector": [77]})
        assert collections.decertify("calib", "bias", span, unknown) == 0


class CollectionChangeSuite(ChainSuite, NameSuite, SummarySuite, ValiditySuite):
    """All of them."""
