"""Writing the bytes of datasets, each with the record that will name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pantler.datasets.identity import make_uuid
from pantler.datasets.records import DatastoreRecord
from pantler.datastores.checksums import (
    as_text,
    checksum_of,
    checksum_of_file,
    new_digest,
)
from pantler.datastores.dataset_errors import dataset_errors
from pantler.datastores.layout import Part, Plan, find_formatter
from pantler.datastores.packs import MOST_BYTES, MOST_MEMBERS, zip_members
from pantler.datastores.sources import MovedSource
from pantler.datastores.templates import encode_part, path_of_run
from pantler.errors import InvalidInputError, NotFoundError
from pantler.formatters.interface import BytesFormatter
from pantler.storage.bringing import read_through
from pantler.storage.location import Location, is_uri
from pantler.storage.paths import lies_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import SourceFile, Staged
    from pantler.datastores.layout import Layout
    from pantler.datastores.staged import StagedFiles
    from pantler.storage.interface import Digest, StagedFile, Storage, TransferMode


class RecordWriter:
    """Stages the artifacts of one datastore, and makes their records.

    Parameters
    ----------
    storage
        Where.
    layout
        How.
    store
        The name that records carry.
    checksums
        Whether to record checksums.
    """

    def __init__(
        self, storage: Storage, layout: Layout, *, store: str, checksums: bool
    ) -> None:
        self._storage = storage
        self._layout = layout
        self._store = store
        self._keeps_checksums = checksums

    def stage(
        self, value: Any, ref: DatasetRef, plan: Plan, to: tuple[Part, StagedFiles]
    ) -> None:
        """Write the bytes of a dataset or a part of one, and add file and record."""
        part, staged = to
        path = plan.path(ref, part)
        with dataset_errors("write", ref, self.uri, path):
            file, checksum = self._stage_bytes(value, path, part)
        staged.files.append(file)
        staged.records.append(
            self.record(ref, path, part, size=file.size_bytes, checksum=checksum)
        )

    def stage_data(
        self, data: bytes, ref: DatasetRef, plan: Plan, staged: StagedFiles
    ) -> None:
        """Write what a formatter has made of a dataset, and add file and record."""
        path = plan.path(ref, plan.whole)
        with dataset_errors("write", ref, self.uri, path):
            file = self._storage.stage(path, data)
        staged.files.append(file)
        checksum = self._checksum_of(data)
        staged.records.append(
            self.record(ref, path, plan.whole, size=len(data), checksum=checksum)
        )

    def bring_in(
        self,
        source: SourceFile,
        mode: TransferMode,
        staged: StagedFiles,
        known: dict[Path, DatastoreRecord],
    ) -> None:
        """Stage one file, and add its record.

        Parameters
        ----------
        source
            The file, and the dataset that it becomes or that is in it.
        mode
            How it comes in.
        staged
            Where to add.
        known
            A record of each file that came in before, to which this one is added. A
            file that holds many datasets comes in once.
        """
        ref = source.ref
        plan = self._layout.plan(ref.dataset_type)
        formatter = find_formatter(source.formatter)
        part = Part("", plan.storage_class, source.formatter, formatter)
        path = plan.path(ref, part)
        same = known.get(source.path)
        if same is not None:
            staged.records.append(
                self.record(
                    ref,
                    same.path,
                    part,
                    size=same.size_bytes,
                    checksum=same.checksum,
                )
            )
            return
        digest = new_digest() if self._keeps_checksums else None
        with dataset_errors("ingest", ref, self.uri, path):
            if not source.path.is_file():
                raise NotFoundError(f"there is no file {source.path}")
            if mode == "auto":
                mode = (
                    "in-place"
                    if lies_within(source.path, self._storage.root)
                    else "copy"
                )
            if mode == "move":
                staged.sources.append(MovedSource.of(source.path))
            if mode not in {"copy", "move", "hardlink"}:
                staged.outside.append(source.path)
            if mode == "direct":
                size = _read_outside(self._storage, source.path, digest)
                path = Location.parse(source.path).uri
            elif mode == "in-place":
                path = _path_within(self._storage, source.path)
                size = read_through(str(source.path), digest)
                self._storage.persist([path])  # it is none of the unfinished files
            else:
                file = self._storage.stage_file(source.path, path, mode, digest)
                staged.files.append(file)
                size = file.size_bytes
        checksum = as_text(digest) if digest else None
        record = self.record(ref, path, part, size=size, checksum=checksum)
        staged.records.append(record)
        known[source.path] = record

    def stage_pack(
        self,
        values: Sequence[tuple[DatasetRef, bytes]],
        staged: StagedFiles,
        part: Part | None = None,
    ) -> None:
        """Stage one archive of many datasets, and add their records.

        The bytes are of the formatter of a part, or else of the storage class's own.
        """
        first = values[0][0]
        storage_class = self._layout.plan(first.dataset_type).storage_class
        if part is None:
            name = storage_class.formatter
            part = Part("", storage_class, name, find_formatter(name))
        formatter = part.formatter
        if not isinstance(formatter, BytesFormatter):
            raise InvalidInputError(
                f"Datasets of type '{first.dataset_type.name}' cannot be packed: "
                f"formatter '{part.formatter_name}' writes files, not bytes."
            )
        refuse_mixed([ref for ref, _ in values])
        name = first.dataset_type.name
        path = f"{path_of_run(first.run)}/{name}/{name}_{make_uuid()}.zip"
        with dataset_errors("pack", first, self.uri, path):
            archive, offsets = zip_members(
                [(_member_name(ref, formatter.extension), data) for ref, data in values]
            )
            staged.files.append(self._storage.stage(path, archive))
        for (ref, data), offset in zip(values, offsets, strict=True):
            staged.records.append(
                self.record(
                    ref,
                    path,
                    part,
                    size=len(data),
                    checksum=self._checksum_of(data),
                    offset=offset,
                )
            )

    def _stage_bytes(
        self, value: Any, path: str, part: Part
    ) -> tuple[StagedFile, str | None]:
        if isinstance(part.formatter, BytesFormatter):
            data = part.formatter.to_bytes(value, part.storage_class)
            return self._storage.stage(path, data), self._checksum_of(data)
        checksum = None

        def write(local: Path) -> None:
            nonlocal checksum
            part.formatter.write_file(value, local, part.storage_class)
            checksum = checksum_of_file(local) if self._keeps_checksums else None

        return self._storage.stage_by(path, write), checksum

    def record(
        self,
        ref: DatasetRef,
        path: str,
        part: Part,
        *,
        size: int,
        checksum: str | None,
        offset: int | None = None,
    ) -> DatastoreRecord:
        """Return the record of a dataset or a part of one."""
        return DatastoreRecord(
            dataset_id=ref.id.bytes,
            store=self._store,
            component=part.component,
            path=path,
            offset=offset,
            size_bytes=size,
            checksum=checksum,
            formatter=part.formatter_name,
            storage_class=part.storage_class.name,
        )

    def _checksum_of(self, data: bytes) -> str | None:
        return checksum_of(data) if self._keeps_checksums else None

    def uri(self, path: str) -> str:
        """Return the URI of an artifact, by the path that its records hold."""
        return path if is_uri(path) else self._storage.root + quote(path)


class discarded_on_error:  # noqa: N801 - used as a statement
    """Discard what is staged if the block fails or is interrupted."""

    __slots__ = ("_staged",)

    def __init__(self, staged: Staged) -> None:
        self._staged = staged

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._staged.discard()


def _read_outside(storage: Storage, local: Path, digest: Digest | None) -> int:
    """Feed a digest with a file that stays where it is, and return its size."""
    if lies_within(local, storage.root):
        raise InvalidInputError(
            f"{local} lies within the datastore itself, where it would count as a "
            "file that nobody needs: copy it"
        )
    return read_through(str(local), digest)


def _path_within(storage: Storage, local: Path) -> str:
    """Return the path of a file that is in the datastore already."""
    if not lies_within(local, storage.root):
        raise InvalidInputError(
            f"{local} lies outside the datastore at {storage.root}, so it cannot "
            "become a dataset in place: copy or link it, or leave it where it is by "
            "'direct'"
        )
    root = Location.parse(storage.root).local_path().resolve()
    return (local.parent.resolve() / local.name).relative_to(root).as_posix()


def refuse_mixed(refs: Sequence[DatasetRef]) -> None:
    """Refuse datasets that are not all of one type and run.

    Raises
    ------
    InvalidInputError
        If two differ.
    """
    for ref in refs:
        if ref.run != refs[0].run or ref.dataset_type != refs[0].dataset_type:
            raise InvalidInputError(
                f"A pack takes one dataset type and run; {refs[0]} and {ref} differ."
            )


def _member_name(ref: DatasetRef, extension: str) -> str:
    """Return a name that tells the datasets of one type and run apart."""
    parts = [encode_part(str(value)) for value in ref.data_id.required_values]
    return "/".join(parts or [ref.dataset_type.name]) + extension


def chunks(
    values: Sequence[tuple[DatasetRef, bytes]],
) -> Iterator[list[tuple[DatasetRef, bytes]]]:
    """Yield parts that one archive can hold."""
    chunk: list[tuple[DatasetRef, bytes]] = []
    size = 0
    for value in values:
        if chunk and (len(chunk) == MOST_MEMBERS or size + len(value[1]) > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(value)
        size += len(value[1])
    if chunk:
        yield chunk
