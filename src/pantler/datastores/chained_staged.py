"""Datasets that are prepared in several datastores, and published in all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pantler.errors import InvalidInputError, PantlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from pantler.datasets.records import DatastoreRecord
    from pantler.datastores.interface import FindSame, Staged

_LOG: Final = logging.getLogger("pantler.datastores")


@dataclass(frozen=True, slots=True)
class Step:
    """What one datastore has to prepare.

    Parameters
    ----------
    store
        Its name.
    prepare
        Has it do so.
    """

    store: str
    prepare: Callable[[], Staged]


class StagedInAll:
    """What several datastores have prepared.

    Parameters
    ----------
    parts
        What each has prepared.
    """

    def __init__(self, parts: Sequence[Staged]) -> None:
        self._parts = parts

    @property
    def records(self) -> list[DatastoreRecord]:
        """The final records, of all."""
        return [record for part in self._parts for record in part.records]

    def publish(self) -> None:
        """Make the artifacts visible in all."""
        for part in self._parts:
            part.publish()

    def discard(self) -> None:
        """Remove the artifacts from all, published or not."""
        for part in self._parts:
            part.discard()

    def part_from_sources(self) -> None:
        """Have no artifact share its bytes with a source that is to be moved."""
        for part in self._parts:
            part.part_from_sources()

    @property
    def has_sources(self) -> bool:
        """Whether there is anything for `remove_sources` to do."""
        return any(part.has_sources for part in self._parts)

    def remove_sources(self, find_same: FindSame) -> None:
        """Remove the files that were to be moved."""
        for part in self._parts:
            if part.has_sources:
                part.remove_sources(find_same)


def prepared_in_all(steps: Iterable[Step], optional: Collection[str]) -> StagedInAll:
    """Return what all datastores have prepared; if one fails, nothing is left.

    Parameters
    ----------
    steps
        What is to be prepared.
    optional
        Names of datastores that may fail if another does not: that is only logged.
    """
    parts: list[Staged] = []
    problem: PantlerError | None = None
    try:
        for step in steps:
            try:
                parts.append(step.prepare())
            except InvalidInputError:
                raise
            except PantlerError as error:
                if step.store not in optional:
                    raise
                _LOG.warning("Not stored in '%s': %s", step.store, error)
                problem = error
    except BaseException:
        StagedInAll(parts).discard()
        raise
    if problem is not None and not parts:
        raise problem
    return StagedInAll(parts)
