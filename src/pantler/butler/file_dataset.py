"""Files of other programs, to be ingested as datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.dataset_type import DatasetType


@dataclass(frozen=True, slots=True)
class FileDataset:
    """A file that is to become a dataset.

    Parameters
    ----------
    path
        Where the file is now.
    dataset_type
        A registered dataset type.
    data_id
        A value for each dimension that the type requires.
    run
        Name of the RUN collection.
    formatter
        Name of the formatter that can read it; the storage class's own when None.
    """

    path: Path
    dataset_type: DatasetType
    data_id: Mapping[str, object]
    run: str
    formatter: str | None = None
