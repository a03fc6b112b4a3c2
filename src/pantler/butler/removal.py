"""What is to be removed, shown before it is: datasets, runs, other collections."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pantler.datasets.collection import Collection, CollectionType
from pantler.errors import CollectionNotFoundError, ConflictError, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from pantler.butler.repository import Repository
    from pantler.registry.removals import RemovalTally

_EXAMPLES: Final = 3

_AT_ONCE: Final = 10_000
"""Datasets of one transaction: others wait for less than a second."""


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """What would be removed; nothing is until `apply`.

    Parameters
    ----------
    collections
        Those that go, with all datasets of the RUN collections among them.
    parents
        For each of these that chains search which stay, the names of the chains.
    files_only
        Whether the datasets stay known, without files.
    tally
        The counts; see `datasets` and `members`.

    Examples
    --------
    Look, and then do it::

        plan = butler.plan_removal(runs="u/me/trial*")
        print(plan)
        plan.apply()
    """

    collections: tuple[Collection, ...]
    parents: Mapping[str, tuple[str, ...]]
    files_only: bool
    tally: RemovalTally = field(repr=False)
    _ids: Sequence[bytes] = field(repr=False)
    _repository: Repository = field(repr=False)

    @property
    def datasets(self) -> pl.DataFrame:
        """How many datasets go, by ``run`` and ``dataset_type``.

        ``datasets`` of them; ``stored`` have files, of ``size_bytes``.
        """
        return self.tally.datasets

    @property
    def members(self) -> pl.DataFrame:
        """How many of them TAGGED and CALIBRATION collections lose.

        By ``collection`` and ``dataset_type``.
        """
        return self.tally.members

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of the RUN collections that go, with all that is in them."""
        return tuple(
            one.name for one in self.collections if one.type is CollectionType.RUN
        )

    @property
    def dataset_count(self) -> int:
        """How many datasets go, or lose their files."""
        return int(self.datasets["stored" if self.files_only else "datasets"].sum())

    @property
    def size_bytes(self) -> int:
        """How many bytes their files have, also those that others brought in."""
        return int(self.datasets["size_bytes"].sum())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not self.collections and not self.dataset_count

    def __str__(self) -> str:
        if self.is_empty:
            return "Nothing to remove."
        parts = []
        if self.dataset_count:
            what = "files of " if self.files_only else ""
            parts.append(f"{what}{counted(self.dataset_count, 'dataset')}")
        kinds = [one.type.name for one in self.collections]
        parts += [
            counted(kinds.count(kind), f"{kind} collection")
            for kind in dict.fromkeys(kinds)
        ]
        lines = [f"To remove: {', '.join(parts)} ({self.size_bytes} bytes)."]
        lines += [
            f"  {row['run']}: {counted(row['datasets'], repr(row['dataset_type']))}"
            for row in self.datasets.iter_rows(named=True)
        ]
        lines += [
            f"  '{name}' is searched by {', '.join(chains)}."
            for name, chains in self.parents.items()
        ]
        return "\n".join(lines)

    def apply(
        self,
        *,
        unlink: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> None:
        """Remove it all.

        Datasets go in transactions of 10,000, each with its files: a process that is
        killed leaves the rest as it was, and the plan can be made again. Within a
        transaction of the caller, all goes or nothing.

        Parameters
        ----------
        unlink
            Whether to take the collections out of the chains that search them.
        on_progress
            Called with the number of datasets that have been seen to, after each
            transaction.

        Raises
        ------
        ConflictError
            If chains search one of the collections, and these are not unlinked; or if
            there is more to remove by now than the plan shows.
        CollectionNotFoundError
            If one of the collections is gone.
        ReadOnlyError
            If the repository was opened for reading.
        """
        self._repository.check_writeable()
        fresh = self._again()
        self._refuse_growth(fresh)
        if not unlink:
            fresh.refuse_linked()
        self._unlink(fresh.parents)
        done = 0
        for part in itertools.chain(self._parts(), self._parts_of_runs()):
            self._repository.delete_ids(part, files_only=self.files_only)
            done += len(part)
            if on_progress is not None:
                on_progress(done)
        self._remove_collections()
        # Who was killed may have left only files of what this was to remove.
        self._repository.remove_discarded()

    def refuse_linked(self) -> None:
        """Raise `ConflictError` if chains that stay search one of the collections."""
        if self.parents:
            raise ConflictError(_in_chains(self.parents))

    def _again(self) -> RemovalPlan:
        if self.collections:
            return plan_collections(self._repository, self.collections)
        return plan_datasets(self._repository, self._ids, files_only=self.files_only)

    def _refuse_growth(self, fresh: RemovalPlan) -> None:
        """Refuse to remove what nobody was shown."""
        for shown, there, keys in (
            (self.datasets, fresh.datasets, ["run", "dataset_type"]),
            (self.members, fresh.members, ["collection", "dataset_type"]),
        ):
            both = there.join(shown, on=keys, how="left", suffix="_shown")
            more = both.filter(both["datasets"] > both["datasets_shown"].fill_null(0))
            if more.height:
                place, kind, *_ = more.row(0)
                raise ConflictError(
                    "There is more to remove than the plan shows, such as "
                    f"'{kind}' datasets in '{place}', which somebody has just put "
                    "there. Plan again."
                )

    def _unlink(self, parents: Mapping[str, tuple[str, ...]]) -> None:
        children: dict[str, list[str]] = {}
        for name, chains in parents.items():
            for chain in chains:
                children.setdefault(chain, []).append(name)
        facet = self._repository.registry.collections
        with self._repository.transaction():
            # Each chain once: it is read and written as a whole, and may be long.
            for chain, names in children.items():
                facet.remove_from_chain(chain, names)

    def _parts(self) -> Iterator[Sequence[bytes]]:
        for begin in range(0, len(self._ids), _AT_ONCE):
            yield self._ids[begin : begin + _AT_ONCE]

    def _parts_of_runs(self) -> Iterator[Sequence[bytes]]:
        parts = self._repository.registry.removals.parts_of_run
        waiting: list[bytes] = []
        for run in self.runs:
            with suppress(CollectionNotFoundError):  # another removes it too
                for part in parts(run, _AT_ONCE):
                    waiting += part  # small runs share a transaction
                    if len(waiting) >= _AT_ONCE:
                        yield waiting[:_AT_ONCE]
                        waiting = waiting[_AT_ONCE:]
        if waiting:
            yield waiting

    def _remove_collections(self) -> None:
        facet = self._repository.registry.collections
        with self._repository.transaction():
            there = {one.name for one in facet.all()}
            mine = [one for one in self.collections if one.name in there]
            for one in mine:
                if one.type is CollectionType.CHAINED:
                    facet.set_chain(one.name, [])  # it may search others of these
            for one in mine:
                facet.remove(one.name)


def plan_datasets(
    repository: Repository, ids: Sequence[bytes], *, files_only: bool = False
) -> RemovalPlan:
    """Return what the removal of some datasets would remove.

    Parameters
    ----------
    repository
        Where they are.
    ids
        Their UUIDs, 16 bytes each; those that do not exist are passed over.
    files_only
        Whether they stay known, without files.
    """
    tally = repository.registry.removals.tally(ids)
    if files_only:
        tally = replace(tally, members=tally.members.clear())
    return RemovalPlan((), {}, files_only, tally, ids, repository)


def plan_collections(
    repository: Repository, collections: Sequence[Collection]
) -> RemovalPlan:
    """Return what the removal of some collections would remove.

    With RUN collections all datasets in them go. Of other collections nothing goes but
    themselves.

    Raises
    ------
    CollectionNotFoundError
        If one does not exist.
    """
    registry = repository.registry
    with registry.reading():
        found = [registry.collections.get(one.name) for one in collections]
        names = {one.name for one in found}
        parents = {
            name: tuple(
                chain
                for chain in registry.collections.parents(name)
                if chain not in names
            )
            for name in names
        }
        runs = [one.name for one in found if one.type is CollectionType.RUN]
        tally = registry.removals.tally_runs(runs)
    # What goes as a whole does not lose anything.
    members = tally.members.filter(~tally.members["collection"].is_in(sorted(names)))
    return RemovalPlan(
        tuple(found),
        {name: chains for name, chains in sorted(parents.items()) if chains},
        files_only=False,
        tally=replace(tally, members=members),
        _ids=(),
        _repository=repository,
    )


def _in_chains(parents: Mapping[str, tuple[str, ...]]) -> str:
    parts = [
        f"'{name}' is searched by {', '.join(chains)}"
        for name, chains in itertools.islice(parents.items(), _EXAMPLES)
    ]
    more = len(parents) - len(parts)
    others = f"; and {more} more are in chains" if more > 0 else ""
    return (
        f"{'; '.join(parts)}{others}. Take them out of these chains first, or have "
        "the removal do so (unlink)."
    )
