"""What goes, and what depends on it: asked before anything is removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl


@dataclass(frozen=True, slots=True)
class Dependent:
    """Records or datasets that refer to dimension records.

    Parameters
    ----------
    kind
        What they are.
    name
        The element that the records belong to, or the type of the datasets.
    rows
        Which ones: a column for each dimension that a record requires, or a column
        ``dataset_id`` (16 bytes).
    """

    kind: Literal["records", "datasets"]
    name: str
    rows: pl.DataFrame

    @property
    def count(self) -> int:
        """How many there are."""
        return self.rows.height


@dataclass(frozen=True, slots=True)
class RemovalTally:
    """What some datasets are, and where they are members.

    Parameters
    ----------
    datasets
        For each ``run`` and ``dataset_type``, how many ``datasets`` there are, how many
        of them have files (``stored``) and of how many bytes (``size_bytes``). Bytes
        that a dataset shares with others are not counted twice: each has its own.
    members
        For each TAGGED or CALIBRATION ``collection`` and ``dataset_type``, how many of
        the ``datasets`` it holds.
    """

    datasets: pl.DataFrame
    members: pl.DataFrame


class RemovalFacet(Protocol):
    """What there is to be removed."""

    def tally(self, dataset_ids: Sequence[bytes]) -> RemovalTally:
        """Count some datasets; those that do not exist are left out."""
        ...

    def tally_runs(self, runs: Sequence[str]) -> RemovalTally:
        """Count all datasets of some runs.

        Raises
        ------
        CollectionNotFoundError
            If one does not exist.
        InvalidInputError
            If one is no RUN.
        """
        ...

    def left_over(self) -> list[bytes]:
        """Return UUIDs that are still known though their datasets are gone.

        Nothing of this version leaves any; deleting them as datasets removes them.
        """
        ...

    def collect_data_ids(self) -> int:
        """Remove what is kept of data IDs that no dataset has any more.

        In transactions of bounded size, also while others insert datasets: a data ID
        that somebody takes up again stays. Where others insert without a pause,
        some are left for the next time.

        Returns
        -------
        int
            How many there were.
        """
        ...

    def parts_of_run(self, run: str, size: int) -> Iterator[list[bytes]]:
        """Yield the IDs of the datasets of a run, so many at a time.

        Those of a part may be removed before the next is asked for. Datasets that are
        added meanwhile may or may not be among them.

        Raises
        ------
        CollectionNotFoundError
            If the run does not exist, or no longer does.
        InvalidInputError
            If it is no RUN.
        """
        ...
