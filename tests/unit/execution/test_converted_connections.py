"""Tasks work with other storage classes than the ones that are kept."""

from __future__ import annotations

import sys

import polars as pl
import pytest
from astropy.table import Table

from pantler import DatasetType, Repository
from pantler.butler.interface import Butler
from pantler.errors import PipelineError
from pantler.execution.graph_run import run_graph
from pantler.pipelines.pipeline import Pipeline
from pantler.quanta.file.writing import write_graph
from pantler.quanta.planning import plan_graph
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, InitInput, InitOutput, Input, Output
from pantler.tasks.task import PipelineTask

NONE = ()


class FirstConnections(Connections, dimensions=NONE):
    """A frame in, where a Table is kept; an astropy table out, where a frame is."""

    stars = Input("stars", "DataFrame", "Kept as a Table.")
    late = Input("stars", "StructuredArray", "The same.", deferred=True)
    bright = Output("bright", "Table", "Kept as a DataFrame.")
    schema = InitOutput("schema", "DataFrame", "For the next.")


class FirstTask(PipelineTask[TaskConfig]):
    """Chooses bright stars."""

    connections = FirstConnections

    def __init__(self, config=None, **more):
        super().__init__(config, **more)
        self.schema = pl.DataFrame({"column": ["mag"]})

    def run(self, stars, late):
        assert isinstance(stars, pl.DataFrame)
        assert late.get(rows=[("mag", "<", 2)])["mag"].tolist() == [1.0]
        assert isinstance(late.get(storage_class="Table"), Table)
        assert late.get("columns") == ["mag"]
        chosen = Table({"mag": stars.filter(pl.col("mag") < 2.5)["mag"].to_numpy()})
        chosen["mag"].unit = "mag"
        return {"bright": chosen}


class SecondConnections(Connections, dimensions=NONE):
    """A structured array of what another makes as a Table and a repository keeps."""

    bright = Input("bright", "StructuredArray", "Made as a Table.")
    schema = InitInput("schema", "Table", "Made as a DataFrame.")
    count = Output("count", "StructuredDict", "How many.")


class SecondTask(PipelineTask[TaskConfig]):
    """Counts."""

    connections = SecondConnections

    def run(self, bright):
        assert isinstance(self.init_inputs["schema"], Table)
        return {"count": {"n": len(bright), "names": list(bright.dtype.names)}}


@pytest.fixture
def repository(tmp_path):
    with Repository.create(tmp_path / "repo") as opened:
        yield opened


@pytest.fixture
def plan(repository, monkeypatch):
    monkeypatch.setitem(
        sys.modules, "converting_tasks", sys.modules[FirstTask.__module__]
    )

    def make(*labels):
        tasks = "".join(
            f"  {label}: converting_tasks.{label.capitalize()}Task\n"
            for label in labels
        )
        return plan_graph(
            repository.registry,
            Pipeline.from_yaml(f"description: Convert.\ntasks:\n{tasks}"),
            inputs=["in"],
            output_run="out",
            records=repository.records.fetch,
        )

    return make


def test_connections_convert_both_ways(repository, plan, tmp_path):
    butler = Butler.of(repository)
    none = butler.universe.group(())
    for name, kept in (("stars", "Table"), ("bright", "DataFrame")):
        butler.dataset_types.register(DatasetType(name, none, kept))
    stars = Table({"mag": [1.0, 2.0, 3.0]})
    butler.put(stars, "stars", run="in")
    write_graph(plan("first", "second"), tmp_path / "graph")
    assert run_graph(repository, tmp_path / "graph").succeeded
    found = butler.get("bright", collections="out")
    assert found.equals(pl.DataFrame({"mag": [1.0, 2.0]}))
    as_table = butler.get("bright", collections="out", storage_class="Table")
    assert as_table["mag"].unit == "mag"
    count = butler.get("count", collections="out")
    assert count == {"n": 2, "names": ["mag"]}


def test_a_class_that_is_not_converted_is_refused_with_both_names(repository, plan):
    butler = Butler.of(repository)
    none = butler.universe.group(())
    butler.dataset_types.register(DatasetType("stars", none, "CCDImage"))
    with pytest.raises(PipelineError, match="DataFrame here and CCDImage there"):
        plan("first")
