"""Frames that come twice, or that a run has already: distinguished by their content."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pantler.butler.interface import Butler
from pantler.storage.location import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.repository import Repository
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef
    from pantler.ingest.frames import Frame

_CHUNK: Final = 1 << 20

Key = tuple[int, int]
"""Exposure and detector."""


@dataclass(slots=True)
class SortedFrames:
    """Frames by what has to be done with them.

    Parameters
    ----------
    new
        Frames that the run does not have, each once.
    there
        Files with the content of a frame that the run has, or that is among the new.
    disputed
        Files that have the exposure and detector of another one and differ from it,
        each with a message that names both.
    """

    new: list[Frame] = field(default_factory=list)
    there: list[Path] = field(default_factory=list)
    disputed: list[tuple[Path, str]] = field(default_factory=list)


def sort_frames(
    frames: Sequence[Frame],
    repository: Repository,
    *,
    dataset_type: DatasetType,
    run: str,
) -> SortedFrames:
    """Sort frames into new ones, known ones and those in dispute.

    An image, its mask and its weight are often three files of one exposure and
    detector, and nothing in them says which is the raw frame: none of them is new.

    Parameters
    ----------
    frames
        Of one instrument, in the order of preference.
    repository
        Where they are to go.
    dataset_type, run
        What they are to become.
    """
    groups: dict[Key, list[Frame]] = defaultdict(list)
    for frame in frames:
        seen = frame.observation
        groups[seen.exposure_id, seen.detector].append(frame)
    known = _known(repository, dataset_type, run, groups)
    result = SortedFrames()
    for key, group in groups.items():
        if key in known:
            _compare_with_known(group, known[key], repository, result)
        else:
            _compare_with_each_other(group, result)
    return result


def _known(
    repository: Repository,
    dataset_type: DatasetType,
    run: str,
    groups: dict[Key, list[Frame]],
) -> dict[Key, DatasetRef]:
    if not groups:
        return {}
    instrument = next(iter(groups.values()))[0].observation.instrument
    found = Butler.of(repository).query_datasets(
        dataset_type, collections=run, instrument=instrument
    )
    keys = found.to_polars().select("exposure", "detector").rows()
    if groups.keys().isdisjoint(keys):
        return {}
    by_key = (
        ((int(ref.data_id["exposure"]), int(ref.data_id["detector"])), ref)
        for ref in found
    )
    return {key: ref for key, ref in by_key if key in groups}


def _compare_with_known(
    group: Sequence[Frame],
    ref: DatasetRef,
    repository: Repository,
    result: SortedFrames,
) -> None:
    for frame in group:
        try:
            same = _is_stored(frame.path, ref, repository)
        except OSError as error:
            result.disputed.append((frame.path, _unreadable(frame.path, error)))
            continue
        if same:
            result.there.append(frame.path)
        else:
            place = _shown(repository.uri(ref))
            message = (
                f"{frame.path} differs from {place}, which run '{ref.run}' has for "
                f"{_name(frame)}. It is left out. If it is to replace that one, remove "
                "that one first."
            )
            result.disputed.append((frame.path, message))


def _compare_with_each_other(group: Sequence[Frame], result: SortedFrames) -> None:
    first, *others = group
    try:
        odd = next((f for f in others if not _equal(first.path, f.path)), None)
    except OSError as error:
        message = _unreadable(Path(error.filename or first.path), error)
        result.disputed += [(frame.path, message) for frame in group]
        return
    if odd is None:
        result.new.append(first)
        result.there += [frame.path for frame in others]
        return
    for frame in group:
        other = odd if frame is first else first
        message = (
            f"{frame.path} and {other.path} are both {_name(frame)}, and differ. "
            "Neither is ingested: name the one that is the raw frame."
        )
        result.disputed.append((frame.path, message))


def _is_stored(path: Path, ref: DatasetRef, repository: Repository) -> bool:
    """Whether a file has the content of a dataset."""
    record, *_ = repository.records.find(ref.id.bytes)  # alike in all datastores
    uri = repository.uri(ref)
    place = Path(_shown(uri)) if uri.startswith("file:") else None
    # Also where the dataset is a link to this file, or was left in its place.
    if place is not None and place.exists() and place.samefile(path):
        return True
    if record.size_bytes != path.stat().st_size:
        return False
    kind, _, digest = (record.checksum or "").partition(":")
    if kind == "blake2b":
        return digest == _blake2b(path, len(digest) // 2)
    return place is not None and place.exists() and _equal(place, path)


def _equal(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    if one.samefile(other):
        return True
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK):
            if chunk != right.read(_CHUNK):
                return False
    return True


def _blake2b(path: Path, digest_size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=digest_size)
        ).hexdigest()


def _shown(uri: str) -> str:
    return str(Location.parse(uri))


def _name(frame: Frame) -> str:
    seen = frame.observation
    return f"exposure {seen.exposure_id}, detector {seen.detector}"


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} cannot be read: {error.strerror}."
