"""What a universe must obey to be one: it is for good, so it is checked like a law.

Tables are made from it, and every data ID of a repository is written in its terms. So
all that would break at first use, or be passed over in silence, is refused before
anything is made; all at once, each with its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.config.yaml_text import YamlDocument
from pantler.dimensions.definition import PACKAGED_NAMESPACE, packaged_definition
from pantler.dimensions.draft import Draft
from pantler.dimensions.naming import (
    check_columns,
    check_header,
    check_key_lengths,
    check_names,
)
from pantler.dimensions.relations import check_relations, closures_of
from pantler.dimensions.sky import pixels
from pantler.dimensions.topology import check_topology
from pantler.errors import SettingsError, close_match

if TYPE_CHECKING:
    from pantler.dimensions.definition import ElementDefinition, UniverseDefinition

FINEST_COMMON_LEVEL: Final = 13
"""Every region is indexed by the common pixels that it touches: finer ones are many."""


def read_definition(text: str | bytes, source: str) -> UniverseDefinition:
    """Read a universe that somebody wrote.

    Parameters
    ----------
    text
        YAML.
    source
        What to call it in messages, such as its path.

    Raises
    ------
    SettingsError
        If the text is not YAML, or breaks any rule; the message has every problem.
    """
    draft = Draft(YamlDocument(text, source, error=SettingsError))
    draft.read()
    check_header(draft)
    _check_sky_pixels(draft)
    check_names(draft)
    check_columns(draft)
    closures = closures_of(draft)
    check_key_lengths(draft, closures)
    check_relations(draft, closures)
    for name, element in draft.elements.items():
        _check_kind(draft, name, element)
        _check_own_columns(draft, name, element, closures[name])
    check_topology(draft)
    _check_namespace_is_free(draft)
    draft.refuse()
    return draft.definition()


def _check_namespace_is_free(draft: Draft) -> None:
    """Note a universe that takes the packaged one's name and is another."""
    if draft.document.data.get("namespace") != PACKAGED_NAMESPACE:
        return
    if draft.has_problems or draft.definition() != packaged_definition():
        draft.add(
            f"'{PACKAGED_NAMESPACE}' is the namespace of the packaged universe, which "
            "this is not: choose one of your own.",
            "namespace",
        )


def _check_sky_pixels(draft: Draft) -> None:
    skypix = draft.skypix
    if skypix is None:
        return
    if not skypix.systems:
        draft.add("Name at least one system of sky pixels.", "skypix", "systems")
    for scheme, system in skypix.systems.items():
        finest = pixels.MAX_LEVEL[scheme]
        if not 0 <= system.max_level <= finest:
            draft.add(
                f"'{scheme}' has the levels 0 to {finest}, not {system.max_level}.",
                *("skypix", "systems", scheme, "max_level"),
            )
    known = draft.pixel_names()
    place = ("skypix", "common")
    if skypix.common not in known:
        draft.add(
            f"The common sky pixels '{skypix.common}' are no level of "
            f"{' or '.join(skypix.systems)}.{close_match(skypix.common, known)}",
            *place,
        )
    elif int(skypix.common.lstrip("abcdefghijklmnopqrstuvwxyz")) > FINEST_COMMON_LEVEL:
        draft.add(
            f"The common sky pixels '{skypix.common}' are too fine to index regions: "
            f"take a level up to {FINEST_COMMON_LEVEL}.",
            *place,
        )


def _check_kind(draft: Draft, name: str, element: ElementDefinition) -> None:
    """Note what does not suit a dimension, a relation of dimensions or a governor."""
    place = ("elements", name)
    if not element.keys and not element.requires:
        draft.add(
            f"'{name}' has neither keys, as a dimension has, nor 'requires', as a "
            "relation of dimensions has.",
            *place,
        )
    if not element.keys and element.implies:
        draft.add(
            f"'{name}' has no keys, and so relates dimensions: it implies none. Put "
            "them into the metadata, or let a dimension imply them.",
            *(*place, "implies"),
        )
    if element.always_join and element.keys:
        draft.add(
            f"'{name}' is a dimension: only what relates dimensions, and has no keys, "
            "can be always joined.",
            *(*place, "always_join"),
        )
    if not element.governor:
        return
    wrong = [
        f"has '{key}'"
        for key in ("requires", "implies", "view_of", "populated_by")
        if getattr(element, key)
    ] + ([] if element.keys else ["has no keys"])
    if wrong:
        draft.add(
            f"'{name}' is a governor, which depends on nothing, and {wrong[0]}.",
            *(*place, "governor"),
        )


def _check_own_columns(
    draft: Draft,
    name: str,
    element: ElementDefinition,
    required: frozenset[str],
) -> None:
    """Note columns called like a dimension whose value stands beside them."""
    beside = {n.casefold() for n in (*required, *element.implies)}
    columns = [("keys", i, c.name) for i, c in enumerate(element.keys)]
    columns += [("metadata", i, c.name) for i, c in enumerate(element.metadata)]
    for part, position, column in columns:
        if column.casefold() in beside:
            draft.add(
                f"'{name}': no column can be called '{column}', as the dimension is "
                "whose value stands in the same records.",
                *("elements", name, part, position),
            )
