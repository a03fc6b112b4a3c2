"""Tasks: units of science code with a configuration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pantler.errors import InvalidInputError, TaskError
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import (
    Connections,
    InitOutput,
    Input,
    Output,
    PrerequisiteInput,
)

if TYPE_CHECKING:
    from pantler.tasks.context import QuantumContext

ConfigT = TypeVar("ConfigT", bound=TaskConfig)


class NoWork(Exception):  # noqa: N818 - no error: the task says that nothing is to do
    """Raised by a task that finds nothing to do: a success without outputs."""


class Task(Generic[ConfigT]):
    """A unit of science code: a configuration and a ``run`` method.

    Parameters
    ----------
    config
        Its configuration; the defaults when None.
    label
        Its name in logs; in a pipeline, its label.

    Attributes
    ----------
    metadata
        Scalars or lists of them that the task wants kept with its outputs; cleared
        before each quantum.
    """

    config_class: ClassVar[type[TaskConfig]] = TaskConfig

    def __init__(self, config: ConfigT | None = None, *, label: str = "") -> None:
        if config is None:
            config = self.config_class()  # type: ignore[assignment]
        if not isinstance(config, self.config_class):
            raise InvalidInputError(
                f"{type(self).__name__} takes a {self.config_class.__name__}, "
                f"not a {type(config).__name__}."
            )
        self.config: ConfigT = config  # type: ignore[assignment]
        self.label = label or type(self).__name__
        self.log = logging.getLogger(f"pantler.task.{self.label}")
        self.metadata: dict[str, Any] = {}

    def run(self, **inputs: Any) -> Mapping[str, Any]:
        """Do the work: arguments and result keys are the names of connections."""
        raise NotImplementedError


class PipelineTask(Task[ConfigT]):
    """A task that can stand in a pipeline: it declares its connections.

    Subclasses set ``config_class`` and ``connections``, and define ``run`` with an
    argument for each input connection, returning a mapping with a key for each
    output connection.

    Parameters
    ----------
    config, label
        As for `Task`.
    init_inputs
        The objects of its `InitInput` connections, by name.
    """

    connections: ClassVar[type[Connections]] = Connections

    def __init__(
        self,
        config: ConfigT | None = None,
        *,
        label: str = "",
        init_inputs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(config, label=label)
        self.init_inputs = dict(init_inputs or {})

    def run_quantum(self, quantum: QuantumContext) -> None:
        """Read the inputs, call ``run`` and store what it returns.

        Override it for control over reading and writing, or to use
        ``quantum.data_id``.
        """
        connections = self.connections.resolve(self.config)
        inputs = {
            name: quantum.get(name)
            for name, connection in connections.items()
            if isinstance(connection, Input | PrerequisiteInput)
        }
        self.put_outputs(quantum, self.run(**inputs))

    def put_outputs(self, quantum: QuantumContext, results: Mapping[str, Any]) -> None:
        """Store the results of ``run``.

        Raises
        ------
        TaskError
            If a result is no output connection. One that is missing is not stored.
        """
        connections = self.connections.resolve(self.config)
        for name, value in results.items():
            if not isinstance(connections.get(name), Output):
                known = [n for n, c in connections.items() if isinstance(c, Output)]
                raise TaskError(
                    f"Task '{self.label}' returned '{name}', which is no output "
                    f"connection; it has: {', '.join(known) or 'none'}."
                )
            quantum.put(name, value)

    def init_outputs(self) -> dict[str, Any]:
        """Return the objects of the `InitOutput` connections: attributes by name."""
        connections = self.connections.resolve(self.config)
        return {
            name: getattr(self, name)
            for name, connection in connections.items()
            if isinstance(connection, InitOutput)
        }
