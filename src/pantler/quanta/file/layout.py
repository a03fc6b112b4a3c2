"""Where everything in a graph file is: its ends, its blocks, and its outline.

Layout: the magic; blocks of some thousand quanta, each with all that they need; the
edges between quanta; the init-datasets; the outline, as JSON with the places of all
blocks; and a trailer with the outline's place. All blocks are compressed and
checked. UUIDs of predicted datasets are not stored: they follow from the header.

A file may be damaged, or made by hand: sizes are checked before memory is taken for
them, and whatever does not fit is an `IntegrityError`.
"""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import polars as pl
import zstandard
from pydantic import BaseModel, ConfigDict, Field

from pantler.errors import IntegrityError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC: Final = b"\x89PANTLER-QUANTA\n"
FORMAT: Final = 2
MOST_QUANTA: Final = 4096
"""How many quanta a slice has at most."""

_TRAILER: Final = struct.Struct("<IQQI16s")  # format, place, size, checksum, magic
TRAILER_BYTES: Final = _TRAILER.size
_MOST_OUTLINE_BYTES: Final = 1 << 28
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, strict=True)

Count = Annotated[int, Field(ge=0, lt=1 << 62)]


class BlockPlace(NamedTuple):
    """Where a block is, bytes from the file's start."""

    offset: Count
    size: Count


class SlicePlace(NamedTuple):
    """Which quanta a slice has, by task and row, and where it is."""

    task: Count
    row: Count
    offset: Count
    size: Count

    @property
    def block(self) -> BlockPlace:
        """Where its block is."""
        return BlockPlace(self.offset, self.size)


class DimensionForm(BaseModel):
    """A dimension's values in the outline: how many, and whether they are text."""

    model_config = _STRICT

    count: Count
    is_text: bool


class DatasetsForm(BaseModel):
    """A table of datasets in the outline."""

    model_config = _STRICT

    dimensions: list[str]
    storage_class: str
    is_calibration: bool
    count: Count
    first: Count | None
    """Place of the first UUID; None if they exist already."""


class QuantaForm(BaseModel):
    """A table of quanta in the outline."""

    model_config = _STRICT

    dimensions: list[str]
    count: Count
    log: str
    metadata: str
    inputs: dict[str, str]
    outputs: dict[str, str]


class HeaderForm(BaseModel):
    """A `GraphHeader` in the outline."""

    model_config = _STRICT

    inputs: list[str]
    output: str
    output_run: str
    user: str
    created: str
    seed: Annotated[str, Field(pattern=r"^0x[0-9a-f]{1,32}$")]
    """Hexadecimal: JSON readers other than Python's lose bits of large integers."""
    time_ms: Annotated[int, Field(ge=0, lt=1 << 48)]
    used: list[str]
    command: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)


class GraphForm(BaseModel):
    """A graph in the outline: all but its rows."""

    model_config = _STRICT

    header: HeaderForm
    universe: str
    pipeline: str
    runs: list[str]
    dimensions: dict[str, DimensionForm]
    datasets: dict[str, DatasetsForm]
    quanta: dict[str, QuantaForm]


class Outline(BaseModel):
    """The outline of a file.

    Parameters
    ----------
    graph
        The graph without its rows.
    slices
        In the order of the quanta.
    edges, init
        The blocks of the edges between quanta, and of init-inputs that exist.
    """

    model_config = _STRICT

    graph: GraphForm
    slices: list[SlicePlace]
    edges: BlockPlace
    init: BlockPlace

    @property
    def counts(self) -> dict[str, int]:
        """How many quanta each task has."""
        return {label: table.count for label, table in self.graph.quanta.items()}

    def slice_count(self, number: int) -> int:
        """Return how many quanta a slice has."""
        place = self.slices[number]
        following = self.slices[number + 1 : number + 2]
        if following and following[0].task == place.task:
            return following[0].row - place.row
        return list(self.counts.values())[place.task] - place.row

    def check(self, end: int) -> None:
        """Refuse blocks beyond a place in the file, and slices that are not all.

        Raises
        ------
        ValueError
            Says what does not fit.
        """
        for block in (self.edges, self.init, *(s.block for s in self.slices)):
            if block.offset < len(MAGIC) or block.offset + block.size > end:
                raise ValueError(f"{block} is not within the file")
        expected = [number for number, n in enumerate(self.counts.values()) if n]
        if list(dict.fromkeys(place.task for place in self.slices)) != expected:
            raise ValueError("the slices are not those of the tasks")
        before: SlicePlace | None = None
        for number, place in enumerate(self.slices):
            begins = before is None or before.task != place.task
            if (begins and place.row) or not (
                0 < self.slice_count(number) <= MOST_QUANTA
            ):
                raise ValueError(f"slice {number} does not follow the one before it")
            before = place


def pack_outline(outline: Outline, place: int) -> bytes:
    """Return the end of a file: the outline, which begins at a place, and trailer."""
    text = json.dumps(outline.model_dump(mode="json"), separators=(",", ":")).encode()
    data = zstandard.ZstdCompressor(level=6).compress(text)
    return data + _TRAILER.pack(FORMAT, place, len(data), zlib.crc32(data), MAGIC)


class Trailer(NamedTuple):
    """What a file ends with: where its outline is, and its checksum."""

    place: BlockPlace
    checksum: int


def unpack_trailer(tail: bytes, size: int, where: str) -> Trailer | None:
    """Return the trailer of a file, None if there is none.

    Parameters
    ----------
    tail
        The last bytes of the file.
    size
        How long it is.
    where
        What it is called in messages.

    Raises
    ------
    SchemaError
        If the file has another format.
    IntegrityError
        If the trailer does not fit the file.
    """
    if len(tail) < TRAILER_BYTES:
        return None
    version, offset, length, checksum, magic = _TRAILER.unpack(tail[-TRAILER_BYTES:])
    if magic != MAGIC:
        return None
    if version != FORMAT:
        raise SchemaError(
            f"'{where}' has format {version}; this version of pantler reads {FORMAT}. "
            "Build the graph again, or use the version that built it."
        )
    if offset < len(MAGIC) or offset + length + TRAILER_BYTES != size:
        raise IntegrityError(
            f"'{where}' is damaged: its outline is not where its trailer says. Build "
            "the graph again."
        )
    return Trailer(BlockPlace(offset, length), checksum)


def unpack_outline(data: bytes, trailer: Trailer, where: str) -> Outline:
    """Return the outline of which these are the bytes.

    Raises
    ------
    IntegrityError
        If they are not what was written, or do not fit the file.
    """
    if zlib.crc32(data) != trailer.checksum:
        raise IntegrityError(
            f"'{where}' is damaged: its outline has another checksum than when it was "
            "written. Build the graph again."
        )
    with damage_told(where):
        outline = Outline.model_validate_json(unpack(data, _MOST_OUTLINE_BYTES))
        outline.check(trailer.place.offset)
    return outline


def unpack(data: bytes, most_bytes: int) -> bytes:
    """Return decompressed bytes, unless they are more than there can be.

    Raises
    ------
    ValueError
        If there are more, or nothing says how many.
    """
    size = zstandard.frame_content_size(data)
    if not 0 <= size <= most_bytes:
        raise ValueError(f"it would be {size} bytes when decompressed")
    raw: bytes = zstandard.ZstdDecompressor().decompress(data)
    return raw


@contextlib.contextmanager
def damage_told(where: str) -> Iterator[None]:
    """Turn what bytes that do not fit lead to into an `IntegrityError`."""
    try:
        yield
    except (
        ValueError,  # of pydantic, JSON and numpy too
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        MemoryError,
        RecursionError,
        struct.error,
        zstandard.ZstdError,
        pl.exceptions.PolarsError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise IntegrityError(
            f"'{where}' is damaged, or not made by pantler: {reason[:200]}. Build the "
            "graph again."
        ) from error
