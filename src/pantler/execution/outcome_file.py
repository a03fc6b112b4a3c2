"""Files of outcomes: what a slice of a graph did, to be recorded later or elsewhere.

Layout: the magic; a frame that says which graph it belongs to, as JSON; and a frame
for each outcome. Each is appended whole; a writer that is killed leaves at most one
that is cut off, which readers pass over.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pantler.errors import ConflictError, IntegrityError, SchemaError, StorageError
from pantler.execution.frames import FrameReader, frame
from pantler.execution.outcome_codec import (
    RECORD_FIELDS,
    decode_outcome,
    encode_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from types import TracebackType
    from typing import BinaryIO

    from pantler.execution.outcome import QuantumOutcome
    from pantler.quanta.file.reading import GraphFile

MAGIC: Final = b"\x89PANTLER-OUTCOMES\n"
FORMAT: Final = 1

_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class GraphIdentity:
    """Which graph some outcomes belong to.

    Parameters
    ----------
    run
        Its output run.
    seed, time_ms
        From which the UUIDs of its outputs follow.
    quanta
        How many it has.
    """

    run: str
    seed: str
    time_ms: int
    quanta: int

    @classmethod
    def of(cls, graph: GraphFile) -> Self:
        """Return the identity of a graph."""
        header = graph.header
        return cls(header.output_run, hex(header.seed), header.time_ms, len(graph))


class OutcomeWriter:
    """Appends outcomes to a file; each is safe from our death once it is written.

    Use it as a context manager.

    Parameters
    ----------
    path
        A new file, or one with outcomes of the same graph to go on with.
    graph
        The graph.

    Raises
    ------
    ConflictError
        If the file has outcomes of another graph.
    StorageError
        If the file cannot be written.
    """

    def __init__(self, path: str | PathLike[str], graph: GraphFile) -> None:
        self._path = Path(path)
        self._identity = GraphIdentity.of(graph)
        try:
            self._file: BinaryIO = self._open()
        except OSError as error:
            raise StorageError(f"Cannot write '{path}': {error.strerror}.") from error

    def write(self, outcome: QuantumOutcome) -> None:
        """Append an outcome."""
        try:
            self._file.write(frame(encode_outcome(outcome)))
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"Cannot write '{self._path}': {error.strerror}."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _open(self) -> BinaryIO:
        end = 0
        if self._path.exists() and self._path.stat().st_size:
            reader = _Reader(self._path, self._identity)
            for _ in reader.outcomes():
                pass
            end = reader.whole
        file = self._path.open("r+b" if end else "wb")
        # What was cut off would make all that comes after it unreadable.
        file.truncate(end)
        file.seek(end)
        if not end:
            head = {
                "format": FORMAT,
                "record": RECORD_FIELDS,
                "graph": asdict(self._identity),
            }
            file.write(MAGIC + frame(json.dumps(head).encode()))
            file.flush()
        return file


def read_outcomes(
    path: str | PathLike[str], graph: GraphFile | None = None
) -> Iterator[QuantumOutcome]:
    """Yield the outcomes in a file, in the order in which they were written.

    Parameters
    ----------
    path
        The file; one that was cut off yields what is whole.
    graph
        The graph to which they must belong; any when None.

    Raises
    ------
    IntegrityError
        If it is not a file of outcomes, or is damaged other than by being cut off.
    SchemaError
        If another version of pantler wrote it.
    ConflictError
        If it belongs to another graph.
    StorageError
        If it cannot be read.
    """
    identity = None if graph is None else GraphIdentity.of(graph)
    return _Reader(Path(path), identity).outcomes()


class _Reader:
    """Reads one file.

    Attributes
    ----------
    whole
        How many bytes belong to what has been read in whole.
    """

    def __init__(self, path: Path, identity: GraphIdentity | None) -> None:
        self._path = path
        self._identity = identity
        self.whole = 0

    def outcomes(self) -> Iterator[QuantumOutcome]:
        source = f"'{self._path}'"
        reader = FrameReader(source)
        head_seen = False
        total = len(MAGIC)
        try:
            with self._path.open("rb") as file:
                magic = file.read(len(MAGIC))
                if magic != MAGIC and not MAGIC.startswith(magic):
                    raise IntegrityError(f"{source} is not a file of outcomes.")
                while data := file.read(_AT_ONCE):
                    total += len(data)
                    for payload in reader.feed(data):
                        if head_seen:
                            yield decode_outcome(payload, source)
                        else:
                            self._check_head(payload)
                            head_seen = True
                    self.whole = total - reader.unfinished if head_seen else 0
        except OSError as error:
            raise StorageError(f"Cannot read {source}: {error.strerror}.") from error

    def _check_head(self, payload: bytes) -> None:
        try:
            head = json.loads(payload)
            version, fields = head["format"], tuple(head["record"])
            identity = GraphIdentity(**head["graph"])
        except (ValueError, LookupError, TypeError):
            raise IntegrityError(
                f"'{self._path}' is damaged: its head cannot be read."
            ) from None
        if (version, fields) != (FORMAT, RECORD_FIELDS):
            raise SchemaError(
                f"'{self._path}' was written by another version of pantler (format "
                f"{version}, this one reads {FORMAT}). Record it with that version."
            )
        if self._identity is not None and identity != self._identity:
            raise ConflictError(
                f"'{self._path}' belongs to another graph: its run is "
                f"'{identity.run}' with {identity.quanta} quanta."
            )
