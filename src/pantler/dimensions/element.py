"""One element of a universe: a dimension, or a relation between dimensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from pantler.dimensions.column import Column

PixelScheme = Literal["htm", "healpix"]

ROOT_PIXELS: Final[dict[PixelScheme, range]] = {
    "htm": range(8, 16),
    "healpix": range(12),
}
"""The pixels of level 0; at each next level, pixel n is divided into 4n to 4n + 3."""


@dataclass(frozen=True, slots=True)
class DimensionElement:
    """A dimension (with a key of its own) or a join element (without).

    Parameters
    ----------
    name
        The name in data IDs, queries and tables.
    doc
        What it is, in a sentence.
    keys
        Own key columns; the first is the primary key, whose values stand in data
        IDs under the dimension's name; the others are alternate keys, unique
        within the other required dimensions. Empty for a join element.
    required
        Names of all dimensions that identify a record, transitively, in the
        universe's order; a dimension itself comes last.
    implied
        Names of the dimensions whose values a record fixes.
    metadata
        The remaining columns.
    is_governor
        Whether other dimensions are meaningless without it (instrument, skymap).
    spatial_family, temporal_family
        The topological family, if records carry a region or a time span. Of a
        family, only the finest element takes part in an overlap.
    always_join
        Whether a query that has all its required dimensions always joins it.
    populated_by
        The dimension together with which records are made and exported.
    view_of
        The dimension whose records fix the values of this one: it has no metadata,
        and its values are added with the records of that dimension.
    pixel_scheme, pixel_level
        For sky pixel dimensions, which are not stored in tables.
    """

    name: str
    doc: str
    keys: tuple[Column, ...]
    required: tuple[str, ...]
    implied: tuple[str, ...] = ()
    metadata: tuple[Column, ...] = ()
    is_governor: bool = False
    spatial_family: str | None = None
    temporal_family: str | None = None
    always_join: bool = False
    populated_by: str | None = None
    view_of: str | None = None
    pixel_scheme: PixelScheme | None = None
    pixel_level: int = 0
    _names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {*self.required, *self.implied, *(c.name for c in self.own_columns)}
        object.__setattr__(self, "_names", frozenset(names))

    @property
    def is_dimension(self) -> bool:
        """Whether the element has a key of its own."""
        return bool(self.keys)

    @property
    def is_pixel(self) -> bool:
        """Whether the element is a sky pixelization, computed and never stored."""
        return self.pixel_scheme is not None

    @property
    def pixels(self) -> range:
        """The numbers of the pixels of a sky pixelization; of others, none."""
        if self.pixel_scheme is None:
            return range(0)
        roots = ROOT_PIXELS[self.pixel_scheme]
        return range(
            roots.start << 2 * self.pixel_level, roots.stop << 2 * self.pixel_level
        )

    @property
    def is_spatial(self) -> bool:
        """Whether records carry a region."""
        return self.spatial_family is not None

    @property
    def is_temporal(self) -> bool:
        """Whether records carry a time span."""
        return self.temporal_family is not None

    @property
    def primary_key(self) -> Column:
        """The column whose values stand in data IDs."""
        return self.keys[0]

    @property
    def alternate_keys(self) -> tuple[Column, ...]:
        """Columns that also identify a record within its other dimensions."""
        return self.keys[1:]

    @property
    def own_columns(self) -> tuple[Column, ...]:
        """Alternate keys, metadata, then region and time span columns.

        A record frame has the required dimensions, the implied ones, then these.
        """
        extra: list[Column] = []
        if self.spatial_family is not None:
            extra.append(Column("region", "region", doc="ICRS sky region"))
        if self.temporal_family is not None:
            extra.append(Column("timespan_begin", "time", doc="TAI ns, inclusive"))
            extra.append(Column("timespan_end", "time", doc="TAI ns, exclusive"))
        return (*self.alternate_keys, *self.metadata, *extra)

    def has_column(self, name: str) -> bool:
        """Whether record frames of this element have a column of this name."""
        return name in self._names

    def __str__(self) -> str:
        return self.name
