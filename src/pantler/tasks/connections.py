"""Connections: the datasets that a task takes and makes, declared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pantler.errors import InvalidInputError, SettingsError, close_match

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pantler.tasks.config import TaskConfig


@dataclass(frozen=True, slots=True)
class Connection:
    """What all connections have.

    Parameters
    ----------
    name
        The dataset type's name, which a configuration may replace. An input may
        name a component: ``"calexp.wcs"``.
    storage_class
        Name of the storage class that the task works with.
    doc
        What it is, in a sentence.
    """

    name: str
    storage_class: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class DimensionedConnection(Connection):
    """A connection whose datasets have data IDs.

    Parameters
    ----------
    dimensions
        Names of the dimensions of the dataset type.
    multiple
        Whether a quantum has any number of them; ``run`` then gets a list, in the
        order of the data IDs.
    """

    dimensions: tuple[str, ...] = ()
    multiple: bool = False

    def __post_init__(self) -> None:
        _refuse_text(self.dimensions, f"connection '{self.name}'")


@dataclass(frozen=True, slots=True)
class Input(DimensionedConnection):
    """A dataset that exists, or that another task of the pipeline makes.

    Parameters
    ----------
    deferred
        Whether ``run`` gets `DeferredDataset` handles in place of objects.
    minimum
        A quantum with fewer of them is not made; 0 for an optional input.
    where
        What the data IDs must fulfil: a query expression. A graph that would give the
        task any other dataset is refused.
    """

    deferred: bool = False
    minimum: int = 1
    where: str = ""


@dataclass(frozen=True, slots=True)
class PrerequisiteInput(DimensionedConnection):
    """A dataset that must exist beforehand and does not decide what is processed.

    Parameters
    ----------
    is_calibration
        Whether it is looked up by the time of the quantum's data ID.
    deferred, minimum
        As for `Input`; one that is missing is an error when the graph is built.
    """

    is_calibration: bool = False
    deferred: bool = False
    minimum: int = 1


@dataclass(frozen=True, slots=True)
class Output(DimensionedConnection):
    """A dataset that the task makes.

    Parameters
    ----------
    is_calibration
        Whether its datasets can be certified with validity ranges.
    """

    is_calibration: bool = False


@dataclass(frozen=True, slots=True)
class InitInput(Connection):
    """A dataset without dimensions that the task's constructor gets."""


@dataclass(frozen=True, slots=True)
class InitOutput(Connection):
    """A dataset without dimensions that the constructor makes, as an attribute."""


class Connections:
    """The declaration of a task's connections: subclass it.

    Class attributes that are `Connection` objects are the connections, by the name
    of the attribute. They are the arguments and the result keys of the task's
    ``run``.

    Examples
    --------
    >>> class BlurConnections(Connections, dimensions=("visit", "detector")):
    ...     image = Input("calexp", "CCDImage", "To be blurred.",
    ...                   dimensions=("visit", "detector"))
    ...     blurred = Output("blurred", "CCDImage", "The result.",
    ...                      dimensions=("visit", "detector"))
    >>> sorted(BlurConnections.declared)
    ['blurred', 'image']
    """

    dimensions: ClassVar[tuple[str, ...]] = ()
    declared: ClassVar[Mapping[str, Connection]] = {}

    def __init_subclass__(
        cls, *, dimensions: tuple[str, ...] | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if dimensions is not None:
            _refuse_text(dimensions, cls.__name__)
            cls.dimensions = tuple(dimensions)
        declared: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            declared.update(vars(base))  # None in a subclass removes a connection
        cls.declared = {
            name: value
            for name, value in declared.items()
            if isinstance(value, Connection)
        }
        for name in cls.declared.keys() & vars(Connections).keys():
            raise InvalidInputError(
                f"A connection of {cls.__name__} cannot be called '{name}': that is a "
                "part of every Connections class. Choose another name."
            )

    @classmethod
    def dropped(cls, config: Any) -> Collection[str]:  # noqa: ARG003 - for subclasses
        """Return the names of connections that a configuration switches off."""
        return ()

    @classmethod
    def resolve(cls, config: TaskConfig, where: str = "") -> dict[str, Connection]:
        """Return the connections under a configuration, by name.

        Raises
        ------
        SettingsError
            If the configuration renames, or ``dropped`` names, a connection that
            there is not.
        """
        off = set(cls.dropped(config))
        for name in [*config.connections, *sorted(off)]:
            if name not in cls.declared:
                known = ", ".join(sorted(cls.declared)) or "none"
                raise SettingsError(
                    f"{where + ': ' if where else ''}there is no connection '{name}'."
                    f"{close_match(name, cls.declared)} Connections: {known}."
                )
        return {
            name: replace(
                connection, name=config.connections.get(name, connection.name)
            )
            for name, connection in cls.declared.items()
            if name not in off
        }


def _refuse_text(dimensions: object, what: str) -> None:
    """Refuse ``dimensions=("visit")``, which lacks the comma of a tuple."""
    if isinstance(dimensions, str):
        raise InvalidInputError(
            f"The dimensions of {what} are a tuple of names, not one text. "
            f"Write ('{dimensions}',)."
        )
