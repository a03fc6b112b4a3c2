"""Raw frames into a repository: their exposures recorded, their files ingested."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.datasets.collection import CollectionType
from pantler.errors import ConflictError, PantlerError
from pantler.ingest.duplicates import sort_frames
from pantler.ingest.elements import OF_RAWS, require_elements
from pantler.ingest.frames import Frame, find_files, read_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pantler.butler.repository import Repository
    from pantler.datasets.ref import DatasetRef
    from pantler.instruments.instrument import Instrument
    from pantler.storage.interface import TransferMode

_BATCH: Final = 500  # exposures in one transaction


@dataclass(slots=True)
class IngestReport:
    """What became of each file.

    Parameters
    ----------
    ingested
        Files that are datasets now.
    refs
        Those datasets, in the same order.
    skipped
        Files whose content the run had already, or an earlier file brought.
    failed
        Files that cannot be used, each with the reason. Where several files are one
        frame by their headers and differ, all of them are here, and the rest of the
        exposure comes in.
    """

    ingested: list[Path] = field(default_factory=list)
    refs: list[DatasetRef] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)


def ingest_raws(
    repository: Repository,
    paths: Iterable[Path],
    instrument: Instrument,
    *,
    transfer: TransferMode = "copy",
    run: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    fail_fast: bool = False,
) -> IngestReport:
    """Bring raw frames in; doing so again adds only what is new.

    Parameters
    ----------
    repository
        Where to; the instrument is registered there.
    paths
        Files, and folders that are searched for them.
    instrument
        Whose frames they are.
    transfer
        How the files come in.
    run
        The RUN collection; the instrument's when None.
    on_progress
        Called with the number of files whose header was read, and of all files.
    fail_fast
        Whether the first file that cannot be used is an error.

    Returns
    -------
    IngestReport
        What became of each file: a bad one does not keep the others out. The frames of
        one exposure that are brought in are so all together, or none of them is.

    Raises
    ------
    InvalidInputError
        If the repository's universe has no exposures of instruments.
    PantlerError
        With ``fail_fast``: what is wrong with the first bad file.
    """
    report = IngestReport()
    run = run or instrument.raw_run
    butler = Butler.of(repository)
    require_elements(butler.universe, OF_RAWS, "Raw frames of instruments")
    butler.dataset_types.register(instrument.raw_dataset_type(butler.universe))
    butler.collections.register(run, CollectionType.RUN)
    files = find_files(paths, lambda *folder: report.failed.append(folder))
    frames = []
    for done, path in enumerate(files, start=1):
        try:
            frames.append(read_frame(path, instrument))
        except PantlerError as error:
            if fail_fast:
                raise
            report.failed.append((path, str(error)))
        if on_progress is not None:
            on_progress(done, len(files))
    ingest = _Ingest(repository, instrument, run, transfer=transfer, report=report)
    new = ingest.leave_out_known(frames, fail_fast=fail_fast)
    for exposures in _batches(list(_by_exposure(new).values())):
        ingest.add(exposures, fail_fast=fail_fast)
    return report


class _Ingest:
    """One call of `ingest_raws`, once the headers are read."""

    def __init__(
        self,
        repository: Repository,
        instrument: Instrument,
        run: str,
        *,
        transfer: TransferMode,
        report: IngestReport,
    ) -> None:
        self.repository = repository
        self.instrument = instrument
        self.run = run
        self.transfer = transfer
        self.report = report
        self.dataset_type = instrument.raw_dataset_type(repository.universe)

    def leave_out_known(
        self, frames: Sequence[Frame], *, fail_fast: bool
    ) -> list[Frame]:
        """Return the frames that the run does not have, each once; report the others.

        Raises
        ------
        ConflictError
            With ``fail_fast``, if two files differ that are one frame by their headers.
        """
        found = sort_frames(
            frames, self.repository, dataset_type=self.dataset_type, run=self.run
        )
        if found.disputed and fail_fast:
            raise ConflictError(found.disputed[0][1])
        self.report.skipped.extend(found.there)
        self.report.failed.extend(found.disputed)
        return found.new

    def add(self, exposures: Sequence[Sequence[Frame]], *, fail_fast: bool) -> None:
        """Add exposures, each a sequence of its frames, in one transaction.

        If it fails, they are tried one by one, so that the bad ones are known and
        the good ones come in.
        """
        try:
            self._add_all(exposures)
        except PantlerError as error:
            if fail_fast:
                raise
            if len(exposures) > 1:
                for one in exposures:
                    self.add([one], fail_fast=False)
            else:
                failed = [(frame.path, str(error)) for frame in exposures[0]]
                self.report.failed.extend(failed)

    def _add_all(self, exposures: Sequence[Sequence[Frame]]) -> None:
        records = [_exposure_record(frames) for frames in exposures]
        name = self.instrument.name
        groups = dict.fromkeys(str(record["group"]) for record in records)
        days = dict.fromkeys(frames[0].observation.day_obs for frames in exposures)
        files = [
            FileDataset(
                frame.path,
                self.dataset_type,
                frame.observation.data_id(),
                self.run,
                self.instrument.raw_formatter,
            )
            for frames in exposures
            for frame in frames
        ]
        day_records = [self.instrument.day_obs_record(day) for day in days]
        refs = self.repository.ingest(
            files,
            self.transfer,
            new_records={
                "day_obs": day_records,
                "group": [{"instrument": name, "group": group} for group in groups],
                "exposure": records,
            },
        )
        self.report.refs.extend(refs)
        self.report.ingested.extend(file.path for file in files)


def _exposure_record(frames: Sequence[Frame]) -> dict[str, object]:
    """Return the record on which all frames of an exposure agree.

    Raises
    ------
    ConflictError
        If two of them differ.
    """
    first = frames[0].observation.exposure_record()
    for frame in frames[1:]:
        other = frame.observation.exposure_record()
        for name, value in other.items():
            if value != first[name]:
                raise ConflictError(
                    f"Frames of exposure {first['exposure']} contradict each other: "
                    f"'{name}' is {first[name]!r} in {frames[0].path.name} and "
                    f"{value!r} in {frame.path.name}."
                )
    return first


def _by_exposure(frames: Iterable[Frame]) -> dict[int, list[Frame]]:
    grouped: dict[int, list[Frame]] = defaultdict(list)
    for frame in frames:
        grouped[frame.observation.exposure_id].append(frame)
    return dict(sorted(grouped.items()))


def _batches(exposures: Sequence[list[Frame]]) -> Iterator[Sequence[list[Frame]]]:
    for begin in range(0, len(exposures), _BATCH):
        yield exposures[begin : begin + _BATCH]
