"""Tasks: units of science code with a configuration."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar, get_args

from pantler.errors import InvalidInputError, TaskError, close_match
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import (
    Connection,
    Connections,
    InitOutput,
    Input,
    Output,
    PrerequisiteInput,
)
from pantler.tasks.needs import Needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.tasks.context import QuantumContext

ConfigT = TypeVar("ConfigT", bound=TaskConfig)
TaskT = TypeVar("TaskT", bound="Task[Any]")

_NO_WORK_HINT: Final = (
    "If there is nothing to do, raise pantler.tasks.task.NoWork with the reason."
)


class NoWork(Exception):  # noqa: N818 - no error: the task says that nothing is to do
    """Raised by a task that finds nothing to do: a success without outputs."""


class Task(Generic[ConfigT]):
    """A unit of science code: a configuration and a ``run`` method.

    Subclass ``Task[MyConfig]``: it is what ``config`` is checked against.

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
        self.config: ConfigT = config
        self.label = label or type(self).__name__
        self.log = logging.getLogger(f"pantler.task.{self.label}")
        self.metadata: dict[str, Any] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take ``config_class`` from ``Task[MyConfig]`` where it is not set."""
        super().__init_subclass__(**kwargs)
        if "config_class" in vars(cls):
            return
        for base in vars(cls).get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, TaskConfig):
                    cls.config_class = argument

    # Of all signatures, only this one lets subclasses declare their own arguments.
    def run(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """Do the work: arguments and result keys are the names of connections."""
        raise NotImplementedError

    def make_subtask(self, field: str, task_class: type[TaskT]) -> TaskT:
        """Return a task for a part of the work, configured by a field of this one's.

        Its label is ours, a dot and the field; its metadata go into ours.

        Parameters
        ----------
        field
            Name of the field that holds the subtask's configuration.
        task_class
            What to make.
        """
        config = getattr(self.config, field)
        subtask = task_class(config, label=f"{self.label}.{field}")
        subtask.metadata = self.metadata
        return subtask


class PipelineTask(Task[ConfigT]):
    """A task that can stand in a pipeline: it declares its connections.

    Subclass ``PipelineTask[MyConfig]``, set ``connections``, and define ``run`` with
    an argument for each input connection, returning a mapping with a key for each
    output connection.

    Parameters
    ----------
    config, label
        As for `Task`.
    init_inputs
        The objects of its `InitInput` connections, by name.

    Examples
    --------
    >>> from pydantic import Field
    >>> from pantler.tasks.connections import Connections, Input, Output
    >>> class ScaleConfig(TaskConfig):
    ...     factor: float = Field(2.0, description="What counts are multiplied by.")
    >>> class ScaleConnections(Connections, dimensions=("visit",)):
    ...     counts = Input("counts", "StructuredDict", dimensions=("visit",))
    ...     scaled = Output("scaled", "StructuredDict", dimensions=("visit",))
    >>> class ScaleTask(PipelineTask[ScaleConfig]):
    ...     connections = ScaleConnections
    ...
    ...     def run(self, *, counts: dict[str, float]) -> dict[str, object]:
    ...         factor = self.config.factor
    ...         return {"scaled": {k: v * factor for k, v in counts.items()}}
    >>> ScaleTask(ScaleConfig(factor=3)).run(counts={"a": 1.0})
    {'scaled': {'a': 3.0}}
    """

    connections: ClassVar[type[Connections]] = Connections
    needs: ClassVar[Needs] = Needs()
    """What one quantum needs of a machine; a pipeline may say otherwise."""

    def __init__(
        self,
        config: ConfigT | None = None,
        *,
        label: str = "",
        init_inputs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(config, label=label)
        self.init_inputs = dict(init_inputs or {})

    @functools.cached_property
    def resolved(self) -> Mapping[str, Connection]:
        """The connections under this task's configuration, by name."""
        return self.connections.resolve(self.config, f"Task '{self.label}'")

    def run_quantum(self, quantum: QuantumContext) -> None:
        """Read the inputs, call ``run`` and store what it returns.

        Override it for control over reading and writing, or to use
        ``quantum.data_id``.
        """
        inputs = {
            name: quantum.get(name)
            for name, connection in self.resolved.items()
            if isinstance(connection, Input | PrerequisiteInput)
        }
        self.put_outputs(quantum, self.run(**inputs))

    def put_outputs(self, quantum: QuantumContext, results: Mapping[str, Any]) -> None:
        """Store the results of ``run``, once it is clear that none is missing.

        Raises
        ------
        TaskError
            If they are not a mapping, one is not an output connection, or that of an
            output connection is missing. Where there is nothing to store, `NoWork`
            says so.
        """
        outputs = [n for n, c in self.resolved.items() if isinstance(c, Output)]
        for name in self._checked(results, outputs, quantum):
            quantum.put(name, results[name])

    def _checked(
        self, results: object, outputs: Sequence[str], quantum: QuantumContext
    ) -> Mapping[str, Any]:
        """Return what ``run`` returned, if there is one result for each output."""
        known = ", ".join(outputs) or "none"
        if not isinstance(results, Mapping):
            raise TaskError(
                f"Task '{self.label}' returned {_kind(results)} for {quantum.data_id}, "
                f"not a dictionary with a key for each of its outputs: {known}. "
                f"{_NO_WORK_HINT}"
            )
        for name in results:
            if name not in outputs:
                raise TaskError(
                    f"Task '{self.label}' returned '{name}', which is not an output "
                    f"connection; it has: {known}.{close_match(str(name), outputs)}"
                )
        missing = [name for name in outputs if name not in results]
        if missing:
            raise TaskError(
                f"Task '{self.label}' returned no {_quoted(missing)} for "
                f"{quantum.data_id}: it must return each of its outputs. "
                f"{_NO_WORK_HINT}"
            )
        return results

    def init_outputs(self) -> dict[str, Any]:
        """Return the objects of the `InitOutput` connections: attributes by name.

        Raises
        ------
        TaskError
            If the constructor has not made one of them.
        """
        found = {}
        for name, connection in self.resolved.items():
            if isinstance(connection, InitOutput):
                if not hasattr(self, name):
                    raise TaskError(
                        f"Task '{self.label}' has no attribute '{name}', which its "
                        "constructor must set: it is an init-output connection."
                    )
                found[name] = getattr(self, name)
        return found


def _kind(value: object) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
