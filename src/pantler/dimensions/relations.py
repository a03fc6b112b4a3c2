"""What elements of a universe may require, imply, be views of and be populated by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.dimensions.sky import pixels
from pantler.errors import close_match

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pantler.dimensions.definition import ElementDefinition
    from pantler.dimensions.draft import Draft


def check_relations(draft: Draft, closures: Mapping[str, frozenset[str]]) -> None:
    """Note every relation between elements that cannot be.

    Parameters
    ----------
    draft
        The universe.
    closures
        As `closures_of`.
    """
    for name, element in draft.elements.items():
        place = ("elements", name)
        for relation in ("requires", "implies"):
            seen: list[str] = []
            for position, other in enumerate(getattr(element, relation)):
                for problem in (
                    *_problems_of_name(draft, name, relation, other),
                    *_problems_of_twice(name, other, seen),
                    *(
                        _problems_of_implied(name, other, element, closures)
                        if relation == "implies"
                        else ()
                    ),
                ):
                    draft.add(problem, *place, relation, position)
                seen.append(other)
        for problem in _problems_of_view(draft, name, element):
            draft.add(problem, *place, "view_of")
        for problem in _problems_of_populated_by(draft, name, element, closures[name]):
            draft.add(problem, *place, "populated_by")
    _check_cycles(draft)


def closures_of(draft: Draft) -> dict[str, frozenset[str]]:
    """Return, for each element, its own name and all that it requires."""
    return {name: _reach(draft, name, _required) for name in draft.names}


def needs_of(draft: Draft, name: str) -> frozenset[str]:
    """Return an element's own name, and all that it requires or implies."""
    return _reach(draft, name, _needed)


def _required(element: ElementDefinition) -> tuple[str, ...]:
    return element.requires


def _needed(element: ElementDefinition) -> tuple[str, ...]:
    return (*element.requires, *element.implies)


def _reach(
    draft: Draft, name: str, step: Callable[[ElementDefinition], tuple[str, ...]]
) -> frozenset[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            if one in draft.elements:
                todo.extend(step(draft.elements[one]))
    return frozenset(found)


def _problems_of_name(
    draft: Draft, name: str, relation: str, other: str
) -> Iterator[str]:
    """Yield why an element cannot be required or implied, whoever does."""
    pixel_names = draft.pixel_names()
    known = [*draft.names, *pixel_names]
    if other == name:
        yield f"'{name}' {relation} itself."
    elif other not in known:
        if draft.skypix is not None or not other.startswith(tuple(pixels.MAX_LEVEL)):
            yield (
                f"'{name}' {relation} '{other}', which is not defined."
                f"{close_match(other, known)}"
            )
    elif relation == "implies" and other in pixel_names:
        yield (
            f"'{name}' implies the sky pixels '{other}': what lies where follows from "
            "regions (topology), or from keys (requires)."
        )
    elif other in draft.elements and not draft.elements[other].keys:
        yield (
            f"'{name}' {relation} '{other}', which has no key: name its dimensions "
            "instead."
        )


def _problems_of_twice(name: str, other: str, seen: Collection[str]) -> Iterator[str]:
    if other in seen:
        yield f"'{name}' names '{other}' twice."


def _problems_of_implied(
    name: str,
    other: str,
    element: ElementDefinition,
    closures: Mapping[str, frozenset[str]],
) -> Iterator[str]:
    """Yield why the records of an implied dimension could not be referred to."""
    if other == name:
        return
    if other in closures[name]:
        yield (
            f"'{name}' implies '{other}', which it also requires: what identifies a "
            "record does not follow from it."
        )
    held = closures[name] | set(element.implies)
    lacking = sorted(closures.get(other, frozenset()) - held)
    if lacking:
        yield (
            f"'{name}' implies '{other}', which requires {_listed(lacking)}: "
            f"'{name}' must require that too."
        )


def _problems_of_view(
    draft: Draft, name: str, element: ElementDefinition
) -> Iterator[str]:
    source_name = element.view_of
    if source_name is None:
        return
    source = draft.elements.get(source_name)
    start = f"'{name}' is a view of '{source_name}', "
    if source_name not in draft.names:
        yield f"{start}which is not defined.{close_match(source_name, draft.names)}"
    elif source is not None and name not in source.implies:
        yield (
            f"{start}which does not imply it: its records would fix no value. Add "
            f"'{name}' to 'implies' there."
        )
    if source is not None and source.view_of is not None:
        yield f"{start}which is a view itself."
    wrong = {
        "requires": element.requires,
        "implies": element.implies,
        "metadata": element.metadata,
        "alternate keys": element.keys[1:],
    }
    for what in (what for what, values in wrong.items() if values):
        yield f"{start}and so has one value and no more: take its {what} away."
    if not element.keys:
        yield f"'{name}' is a view, and needs a key."


def _problems_of_populated_by(
    draft: Draft, name: str, element: ElementDefinition, closure: frozenset[str]
) -> Iterator[str]:
    other = element.populated_by
    if other is None:
        return
    required = sorted(closure - {name})
    start = f"'{name}' is populated by '{other}', "
    if other not in draft.names:
        yield f"{start}which is not defined.{close_match(other, required)}"
    elif other not in required:
        yield (
            f"{start}which it does not require; it requires "
            f"{_listed(required) or 'nothing'}."
        )


def _check_cycles(draft: Draft) -> None:
    """Note each circle of elements that need one another, once."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            cycle = [*path[path.index(name) :], name]
            if len(cycle) > 2:  # one that needs itself is told already
                draft.add(
                    f"Elements need one another in a cycle: {' → '.join(cycle)}.",
                    *("elements", name),
                )
            return
        if name in done or name not in draft.elements:
            return
        for other in _needed(draft.elements[name]):
            visit(other, [*path, name])
        done.add(name)

    for name in draft.elements:
        visit(name, [])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
