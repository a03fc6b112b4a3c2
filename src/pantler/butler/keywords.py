"""What the keywords of a call mean: dimensions, or parameters of a read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantler.datasets.dataset_type import split_component
from pantler.errors import InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.universe import Universe


def parameters_of(
    keys: Mapping[str, Any], dataset_type: DatasetType, universe: Universe
) -> dict[str, Any]:
    """Return those of some keywords that are parameters of a read.

    The others name dimensions, or their columns as ``exposure.obs_id``.

    Raises
    ------
    InvalidInputError
        If one is neither.
    """
    found = {}
    for key, value in keys.items():
        if key.partition(".")[0] in universe:
            continue
        storage_class = dataset_type.load_storage_class()
        if key not in storage_class.parameters:
            known = ", ".join(sorted(storage_class.parameters)) or "none"
            near = close_match(key, [*storage_class.parameters, *universe.elements])
            raise InvalidInputError(
                f"'{key}' is neither a dimension nor a parameter of a read of "
                f"'{dataset_type.name}' ({storage_class} has: {known}).{near}"
            )
        found[key] = value
    return found


def refuse_more_than_ref(
    ref: DatasetRef, data_id: object, collections: object, keys: Iterable[str]
) -> None:
    """Refuse what a ref says already, and might say otherwise.

    Raises
    ------
    InvalidInputError
        If anything is given.
    """
    if data_id is not None or collections is not None or list(keys):
        raise InvalidInputError(
            f"The ref says all of {ref}: leave out its data ID, run and collections."
        )


def split_name(name: str, component: str | None) -> tuple[str, str | None]:
    """Return the dataset type of a name, and the one component that is asked for.

    Raises
    ------
    InvalidInputError
        If two are.
    """
    parent, after_dot = split_component(name)
    if after_dot is None:
        return parent, component
    if component is not None:
        raise InvalidInputError(
            f"'{name}' and component='{component}' name two components; give one."
        )
    return parent, after_dot
