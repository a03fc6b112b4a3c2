"""Datasets of several types, as one result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pantler.queries import exports
from pantler.queries.results import checked_number
from pantler.queries.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef
    from pantler.queries.results import DatasetResults

_MOST_EXPLAINED: Final = 3
"""Types of which it is said why there are no datasets, or what is asked."""


@dataclass(frozen=True, slots=True)
class SeveralDatasetResults:
    """Datasets of several types, one type after the other; immutable and lazy.

    Parameters
    ----------
    parts
        The datasets of each type.
    most
        How many rows there are at most, all types together; None for all.
    """

    parts: tuple[DatasetResults, ...]
    most: int | None = None

    @property
    def dataset_types(self) -> tuple[DatasetType, ...]:
        """The types."""
        return tuple(part.dataset_type for part in self.parts)

    def by_type(self) -> dict[str, DatasetResults]:
        """Return the results of each type, by its name; none of them is limited."""
        return {part.dataset_type.name: part for part in self.parts}

    def where(
        self,
        *conditions: str | Mapping[str, object],
        bind: Mapping[str, object] | None = None,
        **values: object,
    ) -> SeveralDatasetResults:
        """Return the datasets for which conditions hold too; see `Results.where`."""
        parts = (part.where(*conditions, bind=bind, **values) for part in self.parts)
        return replace(self, parts=tuple(parts))

    def order_by(self, *terms: str) -> SeveralDatasetResults:
        """Return the datasets of each type in another order; see `Results.order_by`."""
        parts = tuple(part.order_by(*terms) for part in self.parts)
        return replace(self, parts=parts)

    def limit(self, count: int | None) -> SeveralDatasetResults:
        """Return at most so many datasets, all types together; None for all."""
        most = None if count is None else checked_number(count, "A limit")
        return replace(self, most=most)

    def with_records(self) -> SeveralDatasetResults:
        """Return the same, with records; see `DatasetResults.with_records`."""
        return replace(self, parts=tuple(part.with_records() for part in self.parts))

    def to_polars(self) -> pl.DataFrame:
        """Return all datasets as a frame: ``dataset_type``, and columns of all types.

        Where a type does not have a dimension, there is null.
        """
        import polars as pl

        frames = list(self._frames())
        columns = {"dataset_type": pl.String, "dataset_id": pl.Binary, "run": pl.String}
        if not frames:
            return pl.DataFrame(schema=columns)
        frame = pl.concat(frames, how="diagonal")
        last = [*columns, "timespan_begin", "timespan_end"][1:]
        dimensions = [name for name in frame.columns[1:] if name not in last]
        return frame.select("dataset_type", *dimensions, *last)

    def to_arrow(self) -> Any:
        """Return all datasets as a `pyarrow.Table`."""
        return exports.to_arrow(self.to_polars())

    def to_pandas(self) -> Any:
        """Return all datasets as a `pandas.DataFrame`; see `Results.to_pandas`."""
        return exports.to_pandas(self.to_polars())

    def to_astropy(self) -> Any:
        """Return all datasets as a table of astropy; see `Results.to_astropy`."""
        return exports.to_astropy(self.to_polars(), ["timespan_begin", "timespan_end"])

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows to whatever reads Arrow streams."""
        return self.to_polars().__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[DatasetRef]:
        left = self.most
        for part in self.parts:
            if left == 0:
                return
            count = 0
            for ref in part if left is None else part.limit(left):
                yield ref
                count += 1
            left = None if left is None else left - count

    def count(self) -> int:
        """Return how many datasets there are."""
        total = 0
        for part in self.parts:
            if self.most is None:
                total += part.count()
            elif total < self.most:
                total += part.limit(self.most - total).count()
        return total

    def count_by_type(self) -> dict[str, int]:
        """Return how many datasets there are of each type, whatever the limit."""
        return {name: part.count() for name, part in self.by_type().items()}

    def any(self) -> bool:
        """Return whether there is any dataset."""
        return self.most != 0 and any(part.any() for part in self.parts)

    def __bool__(self) -> bool:
        """Return whether there is any dataset, as `any`."""
        return self.any()

    def __repr__(self) -> str:
        """Return what is asked; nothing is asked for this."""
        parts = [summary(part.query) for part in self.parts[:_MOST_EXPLAINED]]
        more = len(self.parts) - len(parts)
        parts += [f"{more} more"] * bool(more)
        parts += [f"limit {self.most}"] * (self.most is not None)
        return f"<{type(self).__name__}: {'; '.join(parts) or 'nothing'}>"

    def why_empty(self) -> list[str]:
        """Return sentences that say why there are none; none if there are some."""
        if self.any():
            return []
        if not self.parts:
            return ["There is no dataset type of such a name."]
        if self.most == 0:
            return ["The limit is 0."]
        return [
            f"{part.dataset_type.name}: {' '.join(part.why_empty())}"
            for part in self.parts[:_MOST_EXPLAINED]
        ]

    def _repr_html_(self) -> str:
        """Return how many there are of each type, for a notebook."""
        import polars as pl

        counts = self.count_by_type()
        frame = pl.DataFrame(
            {"dataset_type": list(counts), "count": list(counts.values())},
            schema={"dataset_type": pl.String, "count": pl.Int64},
        )
        return exports.to_html(frame, f"{len(counts)} dataset types")

    def _frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows of each type, of which the first column is its name."""
        import polars as pl

        left = self.most
        for part in self.parts:
            if left == 0:
                return
            frame = (part if left is None else part.limit(left)).to_polars()
            left = None if left is None else left - frame.height
            name = pl.lit(part.dataset_type.name).alias("dataset_type")
            yield frame.select(name, pl.all())
