"""Values are frozen and slotted, and tables are not compared by what they hold."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

CHANGED = {
    "datastores.cache.CacheUse": "counts what a cache was good for",
    "datastores.memory.Space": "holds the objects",
    "dimensions.draft.Draft": "notes what is wrong with a universe",
    "quanta.building.alive.Alive": "loses quanta and datasets",
    "quanta.building.draft.Draft": "loses rows while a graph is built",
    "quanta.building.sources.Sources": "remembers what it has found",
    "quanta.file.reading.GraphFile": "remembers what it has read",
    "quanta.join.projections.Projections": "remembers what it has projected",
    "quanta.join.reduction.JoinTree": "notes its steps",
    "registry.sql.compile.columns.Columns": "takes up columns for a statement",
    "registry.sql.compile.joins.Joins": "takes up joins for a statement",
    "registry.sql.snapshot.Snapshot": "is changed by the catalogue that holds it",
}
ARRAYS = ("NDArray", "Csr", "Relation", "Link", "Series", "DatasetTable", "DataIds")
"""What has no truth value when it is compared, or costs much to compare."""


def dataclasses_of(package):
    root = importlib.import_module(f"pantler.{package}")
    for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
        for _, cls in inspect.getmembers(
            importlib.import_module(module.name), dataclasses.is_dataclass
        ):
            if cls.__module__ == module.name:
                yield cls


@pytest.mark.parametrize(
    "package", ["dimensions", "queries", "registry.sql", "quanta", "datastores"]
)
def test_values_are_frozen_and_slotted(package):
    found = list(dataclasses_of(package))
    assert found
    for cls in found:
        assert "__slots__" in vars(cls), cls
        name = f"{cls.__module__}.{cls.__name__}".removeprefix("pantler.")
        assert cls.__dataclass_params__.frozen != (name in CHANGED), cls
        kinds = " ".join(str(field.type) for field in dataclasses.fields(cls))
        if any(word in kinds for word in ARRAYS):
            assert not cls.__dataclass_params__.eq, cls
