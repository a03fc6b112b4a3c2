"""Which instrument a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError, NotFoundError, close_match

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.instruments.instrument import Instrument


def choose_instrument(repository: Repository, name: str | None) -> Instrument:
    """Return a registered instrument; the only one when no name is given.

    Parameters
    ----------
    repository
        The repository.
    name
        As in data IDs.

    Raises
    ------
    NotFoundError
        If it is not registered.
    InvalidInputError
        If no name is given and there are several, or the universe has none.
    """
    from pantler.butler.interface import Butler
    from pantler.ingest.elements import OF_INSTRUMENTS, require_elements
    from pantler.instruments.instrument import get_instrument

    require_elements(repository.universe, OF_INSTRUMENTS, "Instruments")
    records = Butler.of(repository).query_dimension_records("instrument").to_polars()
    known = dict(
        zip(
            records["instrument"].to_list(),
            records["class_name"].to_list(),
            strict=True,
        )
    )
    if not known:
        raise NotFoundError(
            "No instrument is registered here. "
            "Add one with 'pantler register-instrument REPO NAME'."
        )
    if name is None:
        if len(known) > 1:
            raise InvalidInputError(f"Say which instrument: {', '.join(known)}.")
        name = next(iter(known))
    if name not in known:
        raise NotFoundError(
            f"No instrument '{name}' is registered here.{close_match(name, known)}"
        )
    if known[name] is None:
        raise InvalidInputError(
            f"Instrument '{name}' was registered without a class, so its headers "
            "cannot be read. Register it with 'pantler register-instrument'."
        )
    return get_instrument(known[name])
