"""A pipeline as its files define it: layers of values, and parameters for them.

Files build on one another, so a value can be said in several. Every file adds a layer
over those of what it imports, and the names of parameters stay in the layers until all
files are read: then each name has one value, that of the outermost file that gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from pantler.errors import close_match
from pantler.pipelines.task_definition import TaskDefinition
from pantler.tasks.config import overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantler.config.yaml_text import YamlDocument

PARAMETER: Final = "parameters."
"""What the name of a parameter begins with, where it stands for a value."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file says of one task.

    Parameters
    ----------
    config
        Configuration values as written: nested or by dotted key, with the names of
        parameters.
    needs
        Values of `Needs`, likewise.
    document
        The file, for the places of problems.
    """

    config: Mapping[str, Any]
    needs: Mapping[str, Any]
    document: YamlDocument = field(compare=False)


@dataclass(frozen=True, slots=True)
class LayeredTask:
    """One task with all that files say of it.

    Parameters
    ----------
    label, task_path
        As of a `TaskDefinition`.
    layers
        What files say of it, the innermost import first: later ones win.
    """

    label: str
    task_path: str
    layers: tuple[Layer, ...]

    def resolved(self, parameters: Mapping[str, Any]) -> TaskDefinition:
        """Return the task with the values of parameters in place of their names.

        Raises
        ------
        PipelineError
            If there is no such parameter; the message names the line.
        """
        overrides: dict[str, Any] = {}
        needs: dict[str, Any] = {}
        for layer in self.layers:
            values = _Substitution(layer.document, parameters)
            place = ("tasks", self.label)
            overrides = overlay(overrides, values.of(layer.config, *place, "config"))
            needs |= values.of(layer.needs, *place, "needs")
        return TaskDefinition(self.label, self.task_path, overrides, needs)


@dataclass(frozen=True, slots=True)
class PipelineDefinition:
    """What one file and all that it imports define.

    Parameters
    ----------
    description
        The file's.
    instrument
        Name of an instrument, None for any.
    tasks
        By label.
    subsets
        Labels by the name of a subset.
    parameters
        Values by name.
    """

    description: str
    instrument: str | None
    tasks: Mapping[str, LayeredTask]
    subsets: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Any]

    def members(self, name: str) -> tuple[str, ...]:
        """Return the labels that a name stands for: its own, or those of a subset.

        Raises
        ------
        KeyError
            If there is no such task or subset.
        """
        return (name,) if name in self.tasks else self.subsets[name]

    def cut(self, labels: Iterable[str]) -> PipelineDefinition:
        """Return the definition of some of the tasks; parameters stay."""
        wanted = set(labels)
        subsets = {
            name: kept
            for name, members in self.subsets.items()
            if (kept := tuple(label for label in members if label in wanted))
        }
        tasks = {label: task for label, task in self.tasks.items() if label in wanted}
        return replace(self, tasks=tasks, subsets=subsets)

    def resolved_tasks(self) -> tuple[TaskDefinition, ...]:
        """Return the tasks with their final values.

        Raises
        ------
        PipelineError
            If a parameter has no value; the message names the line.
        """
        return tuple(task.resolved(self.parameters) for task in self.tasks.values())


@dataclass(frozen=True, slots=True)
class _Substitution:
    """Puts the values of parameters in place of their names in one file."""

    document: YamlDocument
    parameters: Mapping[str, Any]

    def of(self, values: Mapping[str, Any], *path: str) -> dict[str, Any]:
        return {key: self._value(value, *path, key) for key, value in values.items()}

    def _value(self, value: Any, *path: str | int) -> Any:
        if isinstance(value, dict):
            return {
                str(key): self._value(inner, *path, str(key))
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [
                self._value(inner, *path, place) for place, inner in enumerate(value)
            ]
        if isinstance(value, str) and value.startswith(PARAMETER):
            return self._parameter(value.removeprefix(PARAMETER), *path)
        return value

    def _parameter(self, name: str, *path: str | int) -> Any:
        if name not in self.parameters:
            known = ", ".join(self.parameters) or "none"
            raise self.document.error(
                f"There is no parameter '{name}' (there is: {known})."
                f"{close_match(name, self.parameters)}",
                *path,
            )
        return self.parameters[name]
