"""Records of dimensions that are to be removed, and what depends on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pantler.butler.removal import RemovalPlan, plan_datasets
from pantler.errors import ConflictError, counted
from pantler.queries.query import JoinedTable, Query
from pantler.registry.removals import Dependent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from pantler.butler.repository import Repository

_MOST: Final = 5


@dataclass(frozen=True, slots=True)
class RecordRemovalPlan:
    """What would be removed with some records; nothing is until `apply`.

    Parameters
    ----------
    element
        The element's name.
    rows
        The records, by the dimensions that they require.
    dependents
        Records and datasets that depend on them, directly or through others.
    datasets
        The removal of those datasets; None if there are none.
    bereft
        Records that stay, though nothing is left of what they are made of: visits
        whose last exposure goes.
    """

    element: str
    rows: pl.DataFrame = field(repr=False)
    dependents: tuple[Dependent, ...]
    datasets: RemovalPlan | None
    bereft: tuple[Dependent, ...]
    _repository: Repository = field(repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not self.rows.height

    def __str__(self) -> str:
        return self.text()

    def text(self, *, with_datasets: bool = True) -> str:
        """Return what would be removed, as sentences.

        Parameters
        ----------
        with_datasets
            Whether to name the datasets too; `datasets` says more of them.
        """
        text = f"To remove: {_records(self.rows.height, self.element)}."
        kinds = ("records", "datasets") if with_datasets else ("records",)
        if listed := self._listed(kinds):
            text += f" What depends on them: {', '.join(listed)}."
        for one in self.bereft:
            text += f" Left with nothing that they are made of: {_shown(one)}."
        return text

    def apply(self, *, cascade: bool = False) -> None:
        """Remove the records.

        Parameters
        ----------
        cascade
            Whether to remove first all that depends on them: datasets, with their
            files, in bounded transactions; then records, in one.

        Raises
        ------
        ConflictError
            If something depends on them which is not to be removed, or which has been
            added since the plan was made.
        """
        repository, facet = self._repository, self._repository.registry.dimensions
        repository.check_writeable()
        if not cascade:
            self.refuse_used()
        self._refuse_growth()
        if self.datasets is not None:
            self.datasets.apply()
        with repository.transaction():
            for one in reversed(self.dependents):
                if one.kind == "records":
                    facet.delete(one.name, one.rows)
            facet.delete(self.element, self.rows)

    def refuse_used(self) -> None:
        """Raise `ConflictError` if something depends on the records."""
        if self.dependents:
            raise ConflictError(
                f"{_records(self.rows.height, self.element)} cannot be removed alone, "
                f"because of what depends on them: {', '.join(self._listed())}. Remove "
                "that first, or all of it at once (cascade)."
            )

    def _listed(self, kinds: Sequence[str] = ("records", "datasets")) -> list[str]:
        return [
            _records(one.count, one.name)
            if one.kind == "records"
            else counted(one.count, f"'{one.name}' dataset")
            for one in self.dependents
            if one.kind in kinds
        ]

    def _refuse_growth(self) -> None:
        shown = {(one.kind, one.name): one.count for one in self.dependents}
        facet = self._repository.registry.dimensions
        for one in facet.dependents(self.element, self.rows):
            if one.count > shown.get((one.kind, one.name), 0):
                raise ConflictError(
                    f"More depends on these records than the plan shows: '{one.name}' "
                    f"{one.kind} that somebody has just added. Plan again."
                )


def plan_records(
    repository: Repository, element: str, rows: pl.DataFrame
) -> RecordRemovalPlan:
    """Return what the removal of some records would remove.

    Parameters
    ----------
    repository
        Where they are.
    element
        The element's name.
    rows
        The records, by the dimensions that they require.
    """
    with repository.registry.reading():
        dependents = repository.registry.dimensions.dependents(element, rows)
        ids = [
            dataset_id
            for one in dependents
            if one.kind == "datasets"
            for dataset_id in one.rows["dataset_id"]
        ]
        datasets = plan_datasets(repository, ids) if ids else None
        bereft = tuple(_bereft(repository, element, rows, dependents))
    return RecordRemovalPlan(
        element, rows, tuple(dependents), datasets, bereft, repository
    )


def _bereft(
    repository: Repository,
    element: str,
    rows: pl.DataFrame,
    dependents: Sequence[Dependent],
) -> Iterator[Dependent]:
    """Yield the records that lose all of what a relation says they are made of.

    The relation ``visit_definition`` says of which exposures a visit is made.
    """
    universe = repository.registry.universe
    going = {one.name: one.rows for one in dependents if one.kind == "records"}
    going[element] = rows
    for name, gone in going.items():
        whole = universe[name].populated_by
        if not universe[name].always_join or whole is None or whole in going:
            continue
        key = list(universe[whole].required)
        if not set(key) <= set(gone.columns):
            continue
        some = gone.select(key).unique()
        among = JoinedTable("going", some, tuple(key))
        group = universe.group(universe[name].required)
        left = repository.registry.query(Query(group, element=name, tables=(among,)))
        left = left.join(gone, on=list(universe[name].required), how="anti")
        lost = some.join(left, on=key, how="anti").sort(key)
        if lost.height:
            yield Dependent("records", whole, lost)


def _shown(records: Dependent) -> str:
    """Return records by their numbers or names, if they are few."""
    numbers = [str(each) for each in records.rows[records.name].to_list()]
    more = len(numbers) - _MOST
    listed = ", ".join(numbers[:_MOST]) + (f" and {more} more" if more > 0 else "")
    return f"{_records(records.count, records.name)} ({listed})"


def _records(count: int, element: str) -> str:
    return counted(count, f"'{element}' record")
