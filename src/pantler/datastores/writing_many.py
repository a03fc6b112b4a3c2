"""Writing many datasets: small ones into packs, others several at a time."""

from __future__ import annotations

import itertools
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from pantler.datastores.dataset_errors import dataset_errors
from pantler.datastores.reading_many import AT_ONCE
from pantler.datastores.writing import chunks
from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.layout import Layout, Plan
    from pantler.datastores.staged import StagedFiles
    from pantler.datastores.writing import RecordWriter

_FEWEST: Final = 20
"""Datasets of one type and run from which on a pack is worth its name."""


def stage_many(
    values: Sequence[Any],
    refs: Sequence[DatasetRef],
    staged: StagedFiles,
    *,
    writer: RecordWriter,
    layout: Layout,
    stage_one: Callable[[Any, DatasetRef, StagedFiles], None],
) -> None:
    """Write the bytes of many objects, and add files and records.

    Parameters
    ----------
    values, refs
        Objects, and what they are to become.
    staged
        Where to add.
    writer, layout
        Of the datastore, whose settings say what is small.
    stage_one
        Writes a dataset that is not small; called by several threads.
    """
    small: dict[tuple[str, str], list[tuple[DatasetRef, bytes]]] = defaultdict(list)
    large: list[tuple[Any, DatasetRef]] = []
    for value, ref in zip(values, refs, strict=True):
        data = _small_bytes(value, ref, layout.plan(ref.dataset_type), writer)
        if data is None or len(data) >= layout.pack_below:
            large.append((value, ref))
        else:
            small[ref.dataset_type.name, ref.run].append((ref, data))
    for members in small.values():
        plan = layout.plan(members[0][0].dataset_type)
        if len(members) < _FEWEST:
            for ref, data in members:
                writer.stage_data(data, ref, plan, staged)
        else:
            for chunk in chunks(members):
                writer.stage_pack(chunk, staged, plan.whole)
    if large:
        with ThreadPoolExecutor(min(AT_ONCE, len(large))) as threads:
            ones, theirs = zip(*large, strict=True)
            for _ in threads.map(stage_one, ones, theirs, itertools.repeat(staged)):
                pass


def _small_bytes(
    value: Any, ref: DatasetRef, plan: Plan, writer: RecordWriter
) -> bytes | None:
    """Return the bytes of an object, or None if they are not all held in memory."""
    formatter = plan.whole.formatter
    if plan.delegate is not None or not isinstance(formatter, BytesFormatter):
        return None
    if not isinstance(value, plan.python_type):
        value = plan.converted(value, ref)
    with dataset_errors("write", ref, writer.uri, plan.path(ref, plan.whole)):
        return formatter.to_bytes(value, plan.storage_class)
