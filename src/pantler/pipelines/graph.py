"""The graph of a pipeline: tasks and the dataset types between them, checked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from pantler.datasets.dataset_type import DatasetType
from pantler.errors import IntegrityError, PipelineError, SchemaError, close_match
from pantler.pipelines.assembly import assemble, dataset_nodes
from pantler.pipelines.checks import describe_mismatch
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantler.dimensions.universe import Universe
    from pantler.pipelines.nodes import DatasetNode, TaskNode

_FORMAT = 2
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class PipelineGraph:
    """A pipeline that holds together. Make one with `from_pipeline`.

    Parameters
    ----------
    universe
        Where its dimensions come from.
    description
        The pipeline's.
    tasks
        Nodes by label, each after all that it needs; else in the pipeline's order.

    Attributes
    ----------
    datasets
        Nodes by name of the dataset type. The dataset types that every task has
        besides (log, metadata, configuration) are in the task nodes only.
    """

    universe: Universe
    description: str
    tasks: Mapping[str, TaskNode]
    datasets: Mapping[str, DatasetNode] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "datasets", dataset_nodes(self.tasks.values()))

    @classmethod
    def from_pipeline(
        cls,
        pipeline: Pipeline,
        universe: Universe,
        *,
        registered: Iterable[DatasetType] = (),
    ) -> Self:
        """Import and configure the tasks of a pipeline, and tie them together.

        Parameters
        ----------
        pipeline
            What to make a graph of.
        universe
            Where its dimensions come from.
        registered
            Dataset types of a repository, consulted where no task of the pipeline
            tells what a dataset is: the storage class of one of which only
            components are read, and whether a plain input is a calibration.

        Raises
        ------
        PipelineError
            If the tasks do not fit together; the message has every problem, with
            the labels of the tasks.
        """
        tasks = assemble(pipeline, universe, registered)
        return cls(universe, pipeline.description, tasks)

    def overall_inputs(self) -> list[DatasetNode]:
        """Return what is taken but not made, apart from prerequisites.

        Init-inputs are among them: see `DatasetNode.is_init`.
        """
        return [
            node
            for node in self.datasets.values()
            if node.producer is None and not node.is_prerequisite
        ]

    def prerequisites(self) -> list[DatasetNode]:
        """Return what must exist beforehand without deciding what is processed."""
        return [node for node in self.datasets.values() if node.is_prerequisite]

    def outputs(self) -> list[DatasetNode]:
        """Return all that the tasks make, whether or not another takes it."""
        return [node for node in self.datasets.values() if node.producer is not None]

    def subset(self, labels: Iterable[str]) -> Self:
        """Return the graph of some of the tasks.

        Raises
        ------
        PipelineError
            If there is no task of a label, or no label.
        """
        wanted = set(labels)
        for label in sorted(wanted - self.tasks.keys()):
            raise PipelineError(
                f"The pipeline has no task '{label}'.{close_match(label, self.tasks)} "
                f"It has: {', '.join(self.tasks)}."
            )
        if not wanted:
            raise PipelineError("No task was selected: name a label.")
        kept = {label: node for label, node in self.tasks.items() if label in wanted}
        return type(self)(self.universe, self.description, kept)

    def compare_with_registered(self, types: Iterable[DatasetType]) -> list[str]:
        """Return in what the dataset types differ from those of a repository.

        Parameters
        ----------
        types
            The dataset types of the repository; those of other names are passed
            over.

        Returns
        -------
        list of str
            A sentence for each that differs, with the labels of the tasks.
        """
        automatic = {
            dataset_type.name: (dataset_type, (task.label,))
            for task in self.tasks.values()
            for dataset_type in (task.log_type, task.metadata_type, task.config_type)
        }
        found = []
        for theirs in types:
            node = self.datasets.get(theirs.name)
            if node is not None:
                ours = node.dataset_type
                labels = tuple(filter(None, (node.producer, *node.consumers)))
                if node.producer is None and not node.is_prerequisite:
                    # A plain input does not say whether it is a calibration.
                    theirs = DatasetType(  # noqa: PLW2901 - the same, less one word
                        theirs.name,
                        theirs.dimensions,
                        theirs.storage_class,
                        ours.is_calibration,
                    )
            elif theirs.name in automatic:
                ours, labels = automatic[theirs.name]
            else:
                continue
            text = describe_mismatch(ours, theirs, labels)
            if text is not None:
                found.append(text)
        return found

    def to_json(self) -> str:
        """Return JSON text: class paths, configuration values and dataset types."""
        data = {
            "format": _FORMAT,
            "description": self.description,
            "tasks": [
                {
                    "label": task.label,
                    "class": task.task_path,
                    "config": task.config.model_dump(mode="json"),
                    "needs": asdict(task.needs),
                }
                for task in self.tasks.values()
            ],
            "dataset_types": {
                name: _type_to_dict(node.dataset_type)
                for name, node in self.datasets.items()
            },
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, universe: Universe) -> Self:
        """Rebuild a graph, such as in the process of a worker.

        The tasks are imported and checked again.

        Parameters
        ----------
        text
            What `to_json` returned.
        universe
            As that of the graph.

        Raises
        ------
        SchemaError
            If the text has another format.
        IntegrityError
            If it is not a graph: damaged, or made by hand.
        PipelineError
            If the tasks that are installed here no longer fit together, or have
            other dataset types than when the graph was made.
        """
        data = _parsed(text)
        tasks = tuple(
            TaskDefinition(task.label, task.class_path, task.config, task.needs)
            for task in data.tasks
        )
        types = [
            DatasetType(
                name,
                universe.group(entry.dimensions),
                entry.storage_class,
                entry.is_calibration,
            )
            for name, entry in data.dataset_types.items()
        ]
        graph = cls.from_pipeline(
            Pipeline(data.description, tasks), universe, registered=types
        )
        changed = graph.compare_with_registered(types)
        if changed or graph.datasets.keys() != data.dataset_types.keys():
            details = " ".join(changed) or "Dataset types came or went."
            raise PipelineError(
                "The tasks installed here are not those with which this graph was "
                f"made: {details} Build it again, or install the same versions."
            )
        return graph


class _TaskForm(BaseModel):
    """A task as written in JSON."""

    model_config = _STRICT

    label: str
    class_path: str = Field(alias="class")
    config: dict[str, Any]
    needs: dict[str, Any]


class _DatasetTypeForm(BaseModel):
    """A dataset type as written in JSON."""

    model_config = _STRICT

    dimensions: list[str]
    storage_class: str
    is_calibration: bool


class _GraphForm(BaseModel):
    """A graph as written in JSON."""

    model_config = _STRICT

    format: int
    description: str
    tasks: list[_TaskForm]
    dataset_types: dict[str, _DatasetTypeForm]


def _parsed(text: str) -> _GraphForm:
    try:
        data = json.loads(text)
        found = data.get("format") if isinstance(data, dict) else None
        if isinstance(found, int) and found != _FORMAT:
            raise SchemaError(
                f"This pipeline graph has format {found}; this version of pantler "
                f"reads {_FORMAT}. Build it again."
            )
        return _GraphForm.model_validate(data)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise IntegrityError(f"This is not a pipeline graph: {reason}.") from None


def _type_to_dict(dataset_type: DatasetType) -> dict[str, Any]:
    return {
        "dimensions": list(dataset_type.dimensions.required),
        "storage_class": dataset_type.storage_class,
        "is_calibration": dataset_type.is_calibration,
    }
