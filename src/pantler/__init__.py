"""Pantler: a data butler and pipeline execution system for any observatory.

The names below are what a user needs; each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pantler.butler.file_dataset import FileDataset
    from pantler.butler.interface import Butler
    from pantler.butler.repository import Repository
    from pantler.datasets.collection import CollectionType
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.deferred import DeferredDataset
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.timespan import Timespan
    from pantler.dimensions.universe import Universe
    from pantler.errors import PantlerError
    from pantler.instruments.instrument import Instrument
    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.pipeline import Pipeline
    from pantler.tasks.config import TaskConfig
    from pantler.tasks.connections import (
        Connections,
        InitInput,
        InitOutput,
        Input,
        Output,
        PrerequisiteInput,
    )
    from pantler.tasks.task import NoWork, PipelineTask, Task

_HOMES = {
    "Butler": "butler.interface",
    "CollectionType": "datasets.collection",
    "Connections": "tasks.connections",
    "DataCoordinate": "dimensions.coordinate",
    "DatasetRef": "datasets.ref",
    "DatasetType": "datasets.dataset_type",
    "DeferredDataset": "datasets.deferred",
    "FileDataset": "butler.file_dataset",
    "InitInput": "tasks.connections",
    "InitOutput": "tasks.connections",
    "Input": "tasks.connections",
    "Instrument": "instruments.instrument",
    "NoWork": "tasks.task",
    "Output": "tasks.connections",
    "PantlerError": "errors",
    "Pipeline": "pipelines.pipeline",
    "PipelineGraph": "pipelines.graph",
    "PipelineTask": "tasks.task",
    "PrerequisiteInput": "tasks.connections",
    "Repository": "butler.repository",
    "Task": "tasks.task",
    "TaskConfig": "tasks.config",
    "Timespan": "dimensions.timespan",
    "Universe": "dimensions.universe",
}

__all__ = [
    "Butler",
    "CollectionType",
    "Connections",
    "DataCoordinate",
    "DatasetRef",
    "DatasetType",
    "DeferredDataset",
    "FileDataset",
    "InitInput",
    "InitOutput",
    "Input",
    "Instrument",
    "NoWork",
    "Output",
    "PantlerError",
    "Pipeline",
    "PipelineGraph",
    "PipelineTask",
    "PrerequisiteInput",
    "Repository",
    "Task",
    "TaskConfig",
    "Timespan",
    "Universe",
]


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'pantler' has no attribute '{name}'") from None
    return getattr(import_module(f"pantler.{home}"), name)
