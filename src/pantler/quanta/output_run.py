"""Where the outputs of a graph go: a run of their own, and a chain before others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType
from pantler.errors import CollectionNotFoundError, ConflictError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.registry.interface import Registry


def check_output_run(registry: Registry, run: str) -> None:
    """Refuse a run that cannot take the outputs of a graph.

    Raises
    ------
    ConflictError
        If it has outputs already, or is a collection of another kind.
    """
    try:
        found = registry.collections.get(run)
    except CollectionNotFoundError:
        return
    if found.type is not CollectionType.RUN:
        raise ConflictError(
            f"The output run '{run}' is a {found.type.name} collection. "
            "Choose another output run."
        )
    if registry.collections.dataset_types(run):
        raise ConflictError(
            f"The run '{run}' has outputs already. Choose another output run."
        )


def searched_collections(
    registry: Registry, inputs: Sequence[str], output: str | None
) -> list[str]:
    """Return what a graph searches: what its output chain holds, then the inputs.

    So each step of a chain reads what the step before it made.

    Parameters
    ----------
    registry
        What there is.
    inputs
        The collections that the user names.
    output
        The output chain; need not exist.

    Raises
    ------
    ConflictError
        If the output is not a chain, or the inputs contradict what it holds: in
        another order, before it, or with nothing in common.
    InvalidInputError
        If there is nothing to search, or the chain is its own input.
    """
    held = _children(registry, output) if output else ()
    named = list(dict.fromkeys(inputs))
    if output in named:
        named.remove(output)
        if not held:
            raise InvalidInputError(
                f"The output chain '{output}' holds nothing yet: name other inputs."
            )
    if output and held and named:
        _check_order(output, held, named)
    found = list(dict.fromkeys([*held, *named]))
    if not found:
        raise InvalidInputError("Name the collections to search for inputs.")
    return found


def chained(children: Sequence[str], run: str, inputs: Iterable[str]) -> list[str]:
    """Return what a chain is to hold: the new run, what it held, then the inputs."""
    return list(dict.fromkeys([run, *children, *inputs]))


def used_collections(
    registry: Registry, names: Iterable[str], runs: Iterable[str], types: Iterable[str]
) -> tuple[str, ...]:
    """Return those of some collections from which a graph takes something.

    Parameters
    ----------
    registry
        What there is.
    names
        The collections that were searched.
    runs
        The runs of the datasets that the graph takes.
    types
        The names of their dataset types.
    """
    runs, types = set(runs), set(types)

    def is_used(name: str) -> bool:
        for part in registry.collections.flatten([name]):
            if part.type is CollectionType.RUN:
                if part.name in runs:
                    return True
            elif types.intersection(registry.collections.dataset_types(part.name)):
                return True
        return False

    return tuple(name for name in names if is_used(name))


def _children(registry: Registry, output: str) -> tuple[str, ...]:
    try:
        found = registry.collections.get(output)
    except CollectionNotFoundError:
        return ()
    if found.type is not CollectionType.CHAINED:
        raise ConflictError(
            f"The output '{output}' is a {found.type.name} collection, not a chain. "
            "Choose another output."
        )
    return found.children


def _check_order(output: str, held: Sequence[str], named: Sequence[str]) -> None:
    """Refuse inputs that the user would not get in the order in which they stand."""
    places = [held.index(name) if name in held else len(held) for name in named]
    if places != sorted(places) or places[0] == len(held):
        raise ConflictError(
            f"The output chain '{output}' exists and is searched first; it holds "
            f"{_quoted(held)}. The inputs {_quoted(named)} contradict it. Leave the "
            "inputs out to go on with what the chain holds; add new ones after those "
            "that it has; or choose another output."
        )


def _quoted(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:10]]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return ", ".join(shown)
