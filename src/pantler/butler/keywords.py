"""What the keywords of a call mean: dimensions, or parameters of a read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantler.datasets.dataset_type import split_component
from pantler.errors import DataIdError, InvalidInputError, close_match, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.universe import DimensionGroup, Universe


def merged(
    data_id: Mapping[str, object] | None, keys: Mapping[str, object]
) -> dict[str, object]:
    """Return a data ID with what keywords add to it, or say otherwise.

    Raises
    ------
    DataIdError
        If a key is no text.
    """
    if data_id is None:
        return dict(keys)
    for key in data_id:
        if not isinstance(key, str):
            raise DataIdError(f"A key of a data ID is text, not {key!r}.")
    return {**data_id, **keys}


def parameters_of(
    keys: Mapping[str, Any], dataset_type: DatasetType, universe: Universe
) -> dict[str, Any]:
    """Return those of some keywords that are parameters of a read.

    The others name dimensions, or their columns as ``exposure.obs_id`` or ``obs_id``.

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
            if elements_with(key, universe):
                continue
            known = ", ".join(sorted(storage_class.parameters)) or "none"
            near = close_match(key, [*storage_class.parameters, *universe.elements])
            raise InvalidInputError(
                f"'{key}' is neither a dimension nor a parameter of a read of "
                f"'{dataset_type.name}' ({storage_class} has: {known}).{near}"
            )
        found[key] = value
    return found


def elements_with(field: str, universe: Universe) -> list[str]:
    """Return the names of the elements whose records have a column of their own."""
    return [e.name for e in universe.elements.values() if e.has_column(field)]


def identified(
    wanted: Mapping[str, object], group: DimensionGroup
) -> Mapping[str, object]:
    """Return a data ID whose keys are dimensions, or columns as ``exposure.obs_id``.

    Parameters
    ----------
    wanted
        What a caller said: ``exposure.day_obs`` is the day of the exposure, and so the
        dimension; a column without its element is that of the one that has it.
    group
        The dimensions of what is looked for, to which a column alone belongs.

    Raises
    ------
    DataIdError
        If a key means nothing here, or more than one thing.
    """
    universe = group.universe
    if wanted.keys() <= universe.elements.keys():
        return wanted
    found: dict[str, object] = {}
    for key, value in wanted.items():
        name, dot, field = key.partition(".")
        if dot and name in universe:
            element = universe[name]
            related = (*element.required[:-1], *element.implied)
            meant = field if field in {name, *related} else key
        elif dot or name in universe:
            meant = key
        else:
            meant = f"{_only_element_with(key, group)}.{key}"
        if meant in found and found[meant] != value:
            raise DataIdError(
                f"The data ID says two things of '{meant}': {found[meant]!r} and "
                f"{value!r}."
            )
        found[meant] = value
    return found


def _only_element_with(field: str, group: DimensionGroup) -> str:
    here = [e.name for e in group.elements if e.has_column(field)]
    anywhere = elements_with(field, group.universe)
    for candidates in (here, anywhere):
        if len(candidates) == 1:
            return candidates[0]
    if not anywhere:
        known = [*group.names, *(c.name for e in group.elements for c in e.own_columns)]
        raise DataIdError(
            f"'{field}' is neither a dimension nor a column of the records of "
            f"{group!r}.{close_match(field, known)}"
        )
    choices = " or ".join(f"'{name}.{field}'" for name in here or anywhere)
    raise DataIdError(
        f"'{field}' alone does not say whose it is: write {choices}, as in "
        f"{{'{(here or anywhere)[-1]}.{field}': …}}."
    )


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


def refuse_more_than_refs(data_ids: object, run: object) -> None:
    """Refuse what refs say already, and might say otherwise.

    Raises
    ------
    InvalidInputError
        If anything is given.
    """
    if data_ids is not None or run is not None:
        raise InvalidInputError(
            "Refs say everything: leave out data IDs and run, or give a dataset type."
        )


def refuse_other_number(objects: int, others: int, what: str) -> None:
    """Refuse objects that are more or fewer than what is said of them.

    Raises
    ------
    InvalidInputError
        If they are.
    """
    if objects != others:
        raise InvalidInputError(
            f"{counted(objects, 'object')} and {others} {what}: give as many of both, "
            "in the same order."
        )


def split_name(name: str, component: str | None) -> tuple[str, str | None]:
    """Return the dataset type of a name, and the one component that is asked for.

    Raises
    ------
    InvalidInputError
        If two are.
    """
    if "." not in name:
        return name, component
    parent, after_dot = split_component(name)
    if after_dot is None:
        return parent, component
    if component is not None:
        raise InvalidInputError(
            f"'{name}' and component='{component}' name two components; give one."
        )
    return parent, after_dot
