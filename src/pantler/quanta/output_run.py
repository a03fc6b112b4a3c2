"""Where the outputs of a graph go: a run of their own, and a chain before others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType, check_collection_name
from pantler.errors import CollectionNotFoundError, ConflictError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.registry.interface import Registry


def check_output_run(registry: Registry, run: str) -> None:
    """Refuse a run that cannot take the outputs of a graph.

    Raises
    ------
    InvalidInputError
        If it cannot be the name of a collection.
    ConflictError
        If it has outputs already, or is a collection of another kind.
    """
    check_collection_name(run)
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
    """Return what a graph searches: what its output chain holds, and the inputs.

    So each step of a chain reads what the step before it made. Inputs that the chain
    does not hold yet come after what it holds, or in front of that input which the
    user names next: the order of the chain and that of the user are both kept.

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
        If the output is not a chain, or the inputs contradict what it holds: they
        are in another order, or have nothing in common with it.
    InvalidInputError
        If there is nothing to search, or the chain is its own input.
    """
    held = _children(registry, output) if output else ()
    named = list(dict.fromkeys(inputs))
    if output in named:
        if not held:
            raise InvalidInputError(
                f"The output chain '{output}' holds nothing yet: name other inputs."
            )
        at = named.index(output)
        named = list(dict.fromkeys([*named[:at], *held, *named[at + 1 :]]))
    if output and held and named:
        _check_order(output, held, named)
    found = _merged(held, named)
    if not found:
        raise InvalidInputError("Name the collections to search for inputs.")
    return found


def chained(children: Sequence[str], run: str, inputs: Sequence[str]) -> list[str]:
    """Return what a chain is to hold: the new run, what it held, and the inputs."""
    return list(dict.fromkeys([run, *_merged(children, inputs)]))


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


def _merged(held: Sequence[str], named: Sequence[str]) -> list[str]:
    """Return both, with each new name in front of that held one which follows it."""
    found = list(held)
    place = len(found)
    for name in reversed(list(dict.fromkeys(named))):
        if name in held:
            place = found.index(name)
        else:
            found.insert(place, name)
    return found


def _check_order(output: str, held: Sequence[str], named: Sequence[str]) -> None:
    """Refuse inputs that the user would not get in the order in which they stand."""
    places = [held.index(name) for name in named if name in held]
    if not places or places != sorted(places):
        raise ConflictError(
            f"The output chain '{output}' exists and is searched first; it holds "
            f"{_quoted(held)}. The inputs {_quoted(named)} contradict it. Leave the "
            "inputs out to go on with what the chain holds, name its inputs in the "
            "same order, or choose another output."
        )


def _quoted(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:10]]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return ", ".join(shown)
