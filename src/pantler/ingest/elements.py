"""What cameras and sky maps need of a universe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.universe import Universe

OF_INSTRUMENTS: Final = ("instrument", "detector", "physical_filter")
OF_RAWS: Final = (*OF_INSTRUMENTS, "exposure", "group", "day_obs")
OF_VISITS: Final = (
    *("instrument", "detector", "exposure", "visit", "visit_system"),
    *("visit_detector_region", "visit_definition", "visit_system_membership"),
)
OF_SKYMAPS: Final = ("skymap", "tract", "patch")


def require_elements(universe: Universe, names: Iterable[str], purpose: str) -> None:
    """Refuse to do what the dimensions of a repository do not allow.

    Parameters
    ----------
    universe
        The repository's.
    names
        The elements that are needed.
    purpose
        What needs them, as the beginning of a sentence, in the plural: "Visits".

    Raises
    ------
    InvalidInputError
        If one is missing; the message names all that are.
    """
    missing = [name for name in names if name not in universe]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        raise InvalidInputError(
            f"{purpose} need {listed}, which the universe '{universe.namespace}' "
            f"(version {universe.version}) of this repository does not have. They "
            "suit repositories with the packaged universe."
        )
