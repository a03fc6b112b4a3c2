"""What one quantum of a task needs of the machine that runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from pantler.errors import SettingsError, close_match

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Needs:
    """What one quantum needs. A task declares it; a pipeline may say otherwise.

    Parameters
    ----------
    cores
        Processor cores that it keeps busy.
    memory_mb
        Peak of its memory, MB (10⁶ bytes); None if nobody knows.
    wall_time_s
        Longest time that it takes, s; None if nobody knows.

    Raises
    ------
    SettingsError
        If a value is not a number above zero; for cores and memory, a whole one.

    Examples
    --------
    >>> Needs(cores=2).replaced({"memory_mb": 4000})
    Needs(cores=2, memory_mb=4000, wall_time_s=None)
    """

    cores: int = 1
    memory_mb: int | None = None
    wall_time_s: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("cores", self.cores), ("memory_mb", self.memory_mb)):
            unknown = value is None and name != "cores"
            if not unknown and (type(value) is not int or value < 1):
                raise SettingsError(
                    f"'{name}' takes a whole number above zero, not {value!r}."
                )
        time = self.wall_time_s
        if time is not None and not (
            type(time) in {int, float} and 0 < time < math.inf
        ):
            raise SettingsError(
                f"'wall_time_s' takes seconds above zero, not {time!r}."
            )

    def replaced(self, values: Mapping[str, Any]) -> Needs:
        """Return these needs with some values replaced.

        Raises
        ------
        SettingsError
            If there is no such need, or a value is not allowed.
        """
        known = [field.name for field in fields(self)]
        for name in values:
            if name not in known:
                raise SettingsError(
                    f"There is no need '{name}'.{close_match(str(name), known)} "
                    f"Needs: {', '.join(known)}."
                )
        return replace(self, **values)
