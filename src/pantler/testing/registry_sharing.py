"""A registry among threads, forked processes and others who write at the same time.

Part of `pantler.testing.registry.RegistrySuite`. Besides ``registry`` it needs a
fixture ``open_again``: a function that opens the same registry once more, for writing.
"""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pantler.datasets.collection import CollectionType
from pantler.errors import ConflictError, InvalidInputError, PantlerError
from pantler.queries.query import DatasetSearch, Query
from pantler.testing.registry_races import RaceSuite
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

THREADS, ROUNDS = 4, 6


def _names(registry: Registry) -> list[str]:
    return [collection.name for collection in registry.collections.all()]


def in_a_fork(work: Callable[[], None]) -> int:
    """Run a function in a forked process; return its exit code, 0 if it returned."""
    with warnings.catch_warnings():
        # Python warns that a fork of threads may hang. That is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class ThreadSuite:
    """Threads that share a registry."""

    def test_threads_share_a_registry(self, registry: Registry) -> None:
        """Each inserts, finds, queries and registers; nothing is lost or mixed up."""
        fill_survey(registry)
        raw = raw_type(registry)

        def work(number: int) -> list[bytes]:
            made = []
            for turn in range(ROUNDS):
                run = f"run {number} {turn}"
                ids = insert_some(registry, raw, run, [1 + turn % 3])
                made += ids
                registry.collections.set_chain(f"chain {number}", [run])
                ref = registry.datasets.get(ids[1])
                assert ref is not None
                assert ref.run == run
                chain = [f"chain {number}"]
                assert registry.datasets.find(raw, ref.data_id, chain) == ref
                search = DatasetSearch(raw, (run,))
                frame = registry.query(Query(raw.dimensions, target=search))
                assert sorted(frame["dataset_id"]) == sorted(ids)
                with pytest.raises(ConflictError):
                    insert_some(registry, raw, run, [1 + turn % 3])
            return made

        with ThreadPoolExecutor(THREADS) as pool:
            made = [one for ids in pool.map(work, range(THREADS)) for one in ids]
        assert len(set(made)) == THREADS * ROUNDS * 4
        assert all(registry.datasets.get(one) is not None for one in made)
        assert len(_names(registry)) == THREADS * (ROUNDS + 1)

    def test_a_thread_sees_what_others_have_committed_and_no_more(
        self, registry: Registry
    ) -> None:
        """Neither a transaction under way nor one that is undone."""
        fill_survey(registry)
        raw_type(registry)
        with ThreadPoolExecutor(1) as pool:

            def seen() -> tuple[list[str], list[str]]:
                types = [one.name for one in registry.dataset_types.all()]
                return _names(registry), types

            assert pool.submit(seen).result() == ([], ["raw"])
            with pytest.raises(ZeroDivisionError), registry.transaction():  # noqa: PT012 - all fails
                insert_some(registry, bias_type(registry), "undone")
                assert seen() == (["undone"], ["bias", "raw"])
                assert pool.submit(seen).result() == ([], ["raw"])
                raise ZeroDivisionError
            assert seen() == pool.submit(seen).result() == ([], ["raw"])
            with registry.transaction():
                insert_some(registry, bias_type(registry), "done")
                assert pool.submit(seen).result() == ([], ["raw"])
            assert seen() == pool.submit(seen).result() == (["done"], ["bias", "raw"])

    def test_what_is_read_together_is_of_one_state(self, registry: Registry) -> None:
        """Whatever others do meanwhile; and nothing can be changed there."""
        registry.collections.register("first", CollectionType.RUN)
        with ThreadPoolExecutor(1) as pool:
            with registry.reading():
                assert _names(registry) == ["first"]
                # It may have to wait until the reading ends.
                other = pool.submit(
                    registry.collections.register, "second", CollectionType.RUN
                )
                time.sleep(0.05)
                assert _names(registry) == ["first"]
                with pytest.raises(InvalidInputError, match="transaction"):
                    registry.collections.register("third", CollectionType.RUN)
            assert other.result()
        assert _names(registry) == ["first", "second"]

    def test_a_closed_registry_says_so(self, registry: Registry) -> None:
        """In every thread; closing it again does nothing."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        table = registry.record_table("store")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(_names, registry).result() == ["run"]
            registry.close()
            registry.close()
            for use in (
                lambda: _names(registry),
                lambda: registry.datasets.get(ids[0]),
                lambda: registry.query(Query(raw.dimensions)),
                lambda: registry.dimensions.find("skymap", {"skymap": "sky"}),
                lambda: registry.collections.register("x", CollectionType.RUN),
                lambda: insert_some(registry, raw, "run"),
                lambda: table.find(ids[0]),
            ):
                with pytest.raises(InvalidInputError, match="closed"):
                    use()
                with pytest.raises(InvalidInputError, match="closed"):
                    pool.submit(use).result()

    def test_closing_undoes_what_another_thread_is_changing(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Which fails at its next statement."""
        begun, closed = threading.Event(), threading.Event()

        def change() -> None:
            with registry.transaction():
                registry.collections.register("undone", CollectionType.RUN)
                begun.set()
                closed.wait(30)
                registry.collections.register("never", CollectionType.RUN)

        with ThreadPoolExecutor(1) as pool:
            changing = pool.submit(change)
            assert begun.wait(30)
            registry.close()
            closed.set()
            with pytest.raises(InvalidInputError, match="closed"):
                changing.result()
        with closing(open_again()) as again:
            assert _names(again) == []
            again.collections.register("free", CollectionType.RUN)

    def test_threads_that_have_ended_leave_nothing_behind(
        self, registry: Registry
    ) -> None:
        """Hundreds of threads, one after another, are not a burden."""
        for _ in range(200):
            thread = threading.Thread(target=registry.collections.all)
            thread.start()
            thread.join()
        registry.collections.register("run", CollectionType.RUN)
        folder = "/proc/self/fd"
        if os.path.isdir(folder):  # noqa: PTH112 - of the kernel, not a folder of ours
            assert len(os.listdir(folder)) < 150  # noqa: PTH208


class ForkSuite:
    """Processes that are forked."""

    def test_a_forked_process_must_open_the_registry_itself(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """What it inherited says so; the parent's goes on."""
        registry.collections.register("before", CollectionType.RUN)

        def child() -> None:
            with pytest.raises(InvalidInputError, match="forked"):
                registry.collections.all()
            with pytest.raises(InvalidInputError, match="forked"):
                registry.transaction().__enter__()
            registry.close()
            with closing(open_again()) as own:
                own.collections.register("of the child", CollectionType.RUN)

        assert in_a_fork(child) == 0
        registry.collections.register("after", CollectionType.RUN)
        assert _names(registry) == ["after", "before", "of the child"]

    def test_a_child_does_not_go_on_with_the_rows_of_its_parent(
        self, registry: Registry
    ) -> None:
        """It is told so, rather than waiting for ever; the parent goes on."""
        fill_survey(registry)
        query = Query(registry.universe.group(["detector"]))
        batches = iter(registry.query_batches(query, 1))
        first = next(batches)

        def child() -> None:
            with pytest.raises(InvalidInputError, match="forked"):
                next(batches)

        assert in_a_fork(child) == 0
        assert first.height + sum(batch.height for batch in batches) == len(DETECTORS)

    def test_a_fork_does_not_end_the_transaction_of_its_parent(
        self, registry: Registry
    ) -> None:
        """The child leaves it with an error, and the parent commits."""
        with registry.transaction():
            registry.collections.register("one", CollectionType.RUN)

            def child() -> None:
                with pytest.raises(InvalidInputError, match="forked"):
                    registry.collections.register("never", CollectionType.RUN)

            assert in_a_fork(child) == 0
            registry.collections.register("two", CollectionType.RUN)
        assert _names(registry) == ["one", "two"]

    def test_a_child_cannot_commit_for_its_parent(self, registry: Registry) -> None:
        """A ``with`` block that the child leaves commits nothing."""
        pid = os.getpid()
        code = -1

        def fork_within() -> None:
            nonlocal code
            with registry.transaction():
                registry.collections.register("one", CollectionType.RUN)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    child = os.fork()
                if child:
                    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        try:
            fork_within()
        except InvalidInputError:
            if os.getpid() != pid:
                os._exit(7)
            raise
        finally:
            if os.getpid() != pid:
                os._exit(1)
        assert code == 7
        assert _names(registry) == ["one"]


class ConcurrentSuite:
    """Others who write at the same time."""

    def test_the_catalog_is_whole_while_others_change_it(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Collections, chains, types and values come and go together."""
        fill_survey(registry)
        raw = raw_type(registry)
        stop = threading.Event()
        failures: list[BaseException] = []

        def change() -> None:
            with closing(open_again()) as own:
                turn = 0
                while not stop.is_set():
                    turn += 1
                    insert_some(own, raw, f"keep {turn}", [1])
                    with own.transaction():
                        own.collections.register(f"run {turn}", CollectionType.RUN)
                        own.collections.set_chain("chain", [f"run {turn}"])
                        if turn > 1:
                            own.collections.remove(f"run {turn - 1}")

        def guarded() -> None:
            try:
                change()
            except BaseException as error:  # noqa: BLE001 - it is shown below
                failures.append(error)

        thread = threading.Thread(target=guarded)
        thread.start()
        try:
            until = time.monotonic() + 2
            while time.monotonic() < until and not failures:
                with closing(open_again()) as fresh:
                    for one in (registry, fresh):
                        self._look(one)
        finally:
            stop.set()
            thread.join()
        assert not failures
        self._look(registry)
        with closing(open_again()) as fresh:
            assert fresh.collections.all() == registry.collections.all()

    @staticmethod
    def _look(registry: Registry) -> None:
        with registry.reading():
            known = {c.name: c for c in registry.collections.all()}
            chain = known.get("chain")
            if chain is None:
                return
            # The chain's one child is there, and all others of its kind are not.
            assert [n for n in known if n.startswith("run ")] == list(chain.children)
            assert [c.name for c in registry.collections.flatten(["chain"])] == list(
                chain.children
            )
            kept = [name for name in known if name.startswith("keep ")]
            assert registry.collections.dataset_types(kept[0]) == ["raw"]

    def test_what_others_changed_is_seen(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Each kind of change, also of what has been looked at before."""
        fill_survey(registry)
        with closing(open_again()) as other:
            raw = raw_type(other)
            assert registry.dataset_types.get("raw") == raw
            ids = insert_some(other, raw, "run", [1])
            other.collections.register("tag", CollectionType.TAGGED)
            assert registry.collections.dataset_types("run") == ["raw"]
            assert registry.collections.dataset_types("tag") == []
            other.collections.associate("tag", ids)
            assert registry.collections.dataset_types("tag") == ["raw"]
            other.collections.set_chain("chain", ["run"])
            assert [c.name for c in registry.collections.flatten(["chain"])] == ["run"]
            other.collections.set_chain("chain", ["tag"])
            assert [c.name for c in registry.collections.flatten(["chain"])] == ["tag"]
            other.collections.remove("chain")
            other.collections.remove("tag")
            other.collections.register("new", CollectionType.TAGGED)
            assert _names(registry) == ["new", "run"]
            assert registry.collections.dataset_types("new") == []
            other.record_table("store")
            assert registry.record_table("store").fetch(ids).is_empty()
            other.dimensions.insert("instrument", [{"instrument": "Second"}])
            group = registry.universe.group(["detector"])
            with pytest.raises(PantlerError, match="instrument"):
                registry.dimensions.expand({"detector": 1}, group)

    @pytest.mark.parametrize("what", ["run", "type", "tag"])
    def test_what_others_are_using_is_not_removed(
        self, registry: Registry, open_again: OpenAgain, what: str
    ) -> None:
        """Who removes it waits for them, and then sees that it is in use."""
        fill_survey(registry)
        raw = raw_type(registry)
        # Run and type are known to go together, so that nothing else makes others wait.
        registry.datasets.delete(insert_some(registry, raw, "run", [2]))
        registry.collections.register("tag", CollectionType.TAGGED)
        old = insert_some(registry, bias_type(registry), "other")

        def remove() -> None:
            with closing(open_again()) as own:
                if what == "type":
                    own.dataset_types.remove("raw")
                else:
                    own.collections.remove(what)

        with ThreadPoolExecutor(1) as pool:
            with registry.transaction():
                if what == "tag":
                    registry.collections.associate("tag", old)
                else:
                    insert_some(registry, raw, "run", [1])
                removal = pool.submit(remove)
                time.sleep(0.2)
                assert not removal.done()
            if what == "tag":  # with what is in it
                removal.result()
                assert "tag" not in _names(registry)
                return
            with pytest.raises(ConflictError, match=r"has|used"):
                removal.result()
        query = Query(raw.dimensions, target=DatasetSearch(raw, ("run",)))
        assert registry.query(query).height

    def test_who_was_away_for_long_sees_all(
        self, registry: Registry, open_again: OpenAgain
    ) -> None:
        """Hundreds of changes at once."""
        assert _names(registry) == []
        with closing(open_again()) as other, other.transaction():
            for number in range(300):
                other.collections.register(f"{number:05d}", CollectionType.RUN)
                if number % 2 == 0:
                    other.collections.remove(f"{number:05d}")
        assert _names(registry) == [f"{number:05d}" for number in range(1, 300, 2)]


class SharingSuite(ThreadSuite, ForkSuite, ConcurrentSuite, RaceSuite):
    """All of them."""
