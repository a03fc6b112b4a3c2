"""Edges between two sets of integers, as compressed sparse rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """For each row, the columns that it is linked to.

    Parameters
    ----------
    starts : (n_rows + 1,)
        Where in ``columns`` the links of each row begin.
    columns : (n_links,)
        Columns of all links, row by row.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]

    @classmethod
    def from_pairs(
        cls, rows: NDArray[np.integer], columns: NDArray[np.integer], n_rows: int
    ) -> Self:
        """Return the edges of (row, column) pairs, columns ascending in each row.

        Parameters
        ----------
        rows, columns : (n_links,)
            The pairs, in any order.
        n_rows
            How many rows there are.
        """
        width = np.int64(int(columns.max(initial=0)) + 1)
        keys = rows.astype(np.int64) * width
        keys += columns
        if len(keys) > 1 and not np.all(keys[1:] >= keys[:-1]):
            keys.sort()
        rows = keys // width
        keys -= rows * width
        counts = np.bincount(rows, minlength=n_rows)
        return cls.from_counts(counts, keys.astype(np.int32))

    @classmethod
    def from_counts(
        cls, counts: NDArray[np.integer], columns: NDArray[np.int32]
    ) -> Self:
        """Return the edges of rows with so many links each."""
        starts = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=starts[1:])
        return cls(starts, columns)

    @classmethod
    def one_each(cls, columns: NDArray[np.int32]) -> Self:
        """Return the edges of rows with one link each."""
        return cls(np.arange(len(columns) + 1, dtype=np.int64), columns)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many links each row has, shape (n_rows,)."""
        return np.diff(self.starts)

    @property
    def rows(self) -> NDArray[np.int32]:
        """The row of each link, shape (n_links,)."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.counts)

    def row(self, index: int) -> NDArray[np.int32]:
        """Return the columns that a row is linked to."""
        return self.columns[self.starts[index] : self.starts[index + 1]]

    def count_where(self, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many links each row has to columns that are wanted.

        Parameters
        ----------
        wanted : (n_columns,)
            Which columns count.

        Returns
        -------
        numpy.ndarray, shape (n_rows,)
            The counts.
        """
        running = np.zeros(len(self.columns) + 1, dtype=np.int64)
        np.cumsum(wanted[self.columns], out=running[1:])
        return np.diff(running[self.starts])

    def distinct(self) -> Self:
        """Return the edges without repetitions; columns ascend in each row."""
        repeated = np.zeros(len(self.columns), dtype=np.bool_)
        repeated[1:] = self.columns[1:] == self.columns[:-1]
        starts = self.starts[:-1]
        repeated[starts[starts < len(self.columns)]] = False
        if not repeated.any():
            return self
        running = np.zeros(len(self.columns) + 1, dtype=np.int64)
        np.cumsum(~repeated, out=running[1:])
        return type(self)(running[self.starts], self.columns[~repeated])

    def keep(self, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> Self:
        """Return the edges among the kept rows and columns, both renumbered.

        Parameters
        ----------
        rows : (n_rows,)
            Which rows are kept.
        columns : (n_columns,)
            Which columns are kept.
        """
        numbers = np.cumsum(columns, dtype=np.int32) - np.int32(1)
        wanted = columns[self.columns] & np.repeat(rows, self.counts)
        counts = self.count_where(columns)[rows]
        return type(self).from_counts(counts, numbers[self.columns[wanted]])
