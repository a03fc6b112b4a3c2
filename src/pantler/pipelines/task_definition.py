"""One task of a pipeline, as defined: label, class and configuration values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pantler.tasks.config import overlay

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """One task of a pipeline.

    Parameters
    ----------
    label
        Its name in the pipeline; one task class can stand under several labels.
    task_path
        ``package.module.Class`` of the task.
    overrides
        Configuration values by dotted key; what is not there keeps its default.
    needs
        Values of `Needs` that replace those that the task declares.
    """

    label: str
    task_path: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """The name of the task class, without its module."""
        return self.task_path.replace(":", ".").rpartition(".")[2]

    def overlaid(self, overrides: Mapping[str, Any]) -> TaskDefinition:
        """Return this definition with more values, which win."""
        return replace(self, overrides=overlay(self.overrides, overrides))

    def underlaid(self, overrides: Mapping[str, Any]) -> TaskDefinition:
        """Return this definition with more values, over which its own win."""
        return replace(self, overrides=overlay(overrides, self.overrides))
