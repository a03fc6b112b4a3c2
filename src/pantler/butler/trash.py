"""Files of deleted datasets go after the commit, whoever is killed meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

from pantler.errors import PantlerError, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.members import Member
    from pantler.datasets.records import OwnRecords
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry

_LOG = logging.getLogger("pantler.butler")

_AT_ONCE: Final = 1_000
"""Files that are removed while others wait."""


class TrashOwner(Protocol):
    """What the removal of files needs of a repository."""

    registry: Registry
    members: tuple[Member, ...]


def empty_trash(repository: TrashOwner, *, wait: bool = False) -> None:
    """Remove files whose records are gone, also those that others left.

    A file goes in the transaction that forgets it: so nobody can record its path
    meanwhile, and it is tried again if that transaction fails. One that is needed
    after all, as other datasets share it, is forgotten and stays. Those that cannot be
    removed stay noted, with a warning in the log.

    Parameters
    ----------
    repository
        Whose files.
    wait
        Whether to wait for files that others are removing.
    """
    for member in repository.members:
        if member.own is not None:
            _forget_unknown(member.own, repository.registry)
        else:
            _empty_one(repository.registry, member, wait=wait)


def _forget_unknown(records: OwnRecords, registry: Registry) -> None:
    """Remove what a datastore keeps by itself, of datasets that are gone."""
    known = registry.datasets.get
    records.delete([one for one in records.ids() if known(one) is None])


def _empty_one(registry: Registry, member: Member, *, wait: bool) -> None:
    after = 0
    problems: dict[str, PantlerError] = {}
    while True:
        with registry.transaction():
            notes = member.records.discarded(_AT_ONCE, after=after, wait=wait)
            if not notes:
                break
            after = notes[-1].id
            paths = list(dict.fromkeys(note.path for note in notes))
            in_use = member.records.paths_in_use(paths)
            unused = [path for path in paths if path not in in_use]
            problems |= _remove(member.datastore, unused)
            done = [note.id for note in notes if note.path not in problems]
            member.records.forget_discarded(done)
        if len(notes) < _AT_ONCE:
            break
    if problems:
        path, error = next(iter(problems.items()))
        _LOG.warning(
            "%s of deleted datasets could not be removed, such as '%s'. %s "
            "They are tried again with the next removal, and by 'check --repair'.",
            counted(len(problems), "file"),
            path,
            error,
        )


def _remove(datastore: Datastore, paths: Sequence[str]) -> dict[str, PantlerError]:
    """Remove files, all at once; return those that cannot be, with the reason."""
    problems: dict[str, PantlerError] = {}
    try:
        datastore.delete(paths)
    except PantlerError:
        pass  # which of them was it?
    else:
        return problems
    for path in paths:
        try:
            datastore.delete([path])
        except PantlerError as error:
            problems[path] = error
    return problems
