"""Which elements of a universe have regions and time spans: families, finest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.dimensions.relations import needs_of
from pantler.errors import close_match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.dimensions.draft import Draft

_EXTENT: Final = {"spatial": "region", "temporal": "time span"}


def check_topology(draft: Draft) -> None:
    """Note members that are unknown, there twice, or before finer ones."""
    for kind, extent in _EXTENT.items():
        families: dict[str, tuple[str, ...]] = getattr(draft.topology, kind, {})
        owners: dict[str, str] = {}
        for family, members in families.items():
            place = ("topology", kind, family)
            label = f"The {kind} family '{family}'"
            if not members:
                draft.add(f"{label} has no members.", *place)
            for position, name in enumerate(members):
                for problem in (
                    *_problems_of_member(draft, name, extent),
                    *_problems_of_order(draft, name, members[:position]),
                ):
                    draft.add(f"{label} has {problem}", *place, position)
                if name in owners:
                    draft.add(
                        f"'{name}' is a member of '{owners[name]}' and again of "
                        f"'{family}': its records have one {extent}.",
                        *(*place, position),
                    )
                owners.setdefault(name, family)


def _problems_of_member(draft: Draft, name: str, extent: str) -> Iterator[str]:
    element = draft.elements.get(name)
    if name in draft.pixel_names():
        yield f"'{name}', which are sky pixels: their regions are known anyway."
    elif name not in draft.names:
        yield f"'{name}', which is not defined.{close_match(name, draft.names)}"
    elif element is not None and element.view_of is not None:
        yield f"'{name}', which is a view: its records have no {extent}."


def _problems_of_order(
    draft: Draft, name: str, before: tuple[str, ...]
) -> Iterator[str]:
    for other in before:
        if other != name and other in needs_of(draft, name):
            yield (
                f"'{other}' before '{name}', which needs it and so is finer: the "
                "finest comes first."
            )
