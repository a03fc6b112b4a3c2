"""How many trivial quanta a second the local executor runs, everything recorded.

Each quantum reads and writes one JSON file of about 100 bytes, keeps metadata and logs
two lines. Half of the quanta read what the other half make.

python benchmarks/execution.py --quanta 2000 20000 --processes 2
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from uuid import UUID

import polars as pl

from pantler.butler.repository import Repository
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.datasets.records import records_to_frame
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.execution.executor import InProcess
from pantler.execution.graph_run import run_graph
from pantler.execution.local_pool import LocalPool
from pantler.execution.outcome import QuantumStatus
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.quanta.file.writing import write_graph
from pantler.quanta.planning import plan_graph

DETECTORS = 100
RUN = "Cam/raw"
CONTENT = {"level": 1.5, "filler": "x" * 60, "flags": [1, 2, 3]}


def main() -> None:
    options = _options()
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = here  # workers import the tasks from there
    for count in options.quanta:
        with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
            _measure(Path(scratch), count, options.processes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quanta", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument(
        "--processes", type=int, default=2, help="workers; 0 for none, all in process"
    )
    parser.add_argument("--folder", help="where the scratch repository is made")
    return parser.parse_args()


def _measure(folder: Path, count: int, processes: int) -> None:
    repository = _make_repository(folder / "repo", count // (2 * DETECTORS))
    tasks = tuple(
        TaskDefinition(name, f"execution_tasks.{name.capitalize()}")
        for name in ("first", "second")
    )
    began = time.perf_counter()
    graph = plan_graph(
        repository.registry,
        Pipeline("The execution benchmark.", tasks),
        inputs=[RUN],
        output_run="out",
        records=repository.records.fetch,
    )
    path = folder / "bench.qgraph"
    write_graph(graph, path)
    built = time.perf_counter()
    executor = LocalPool(processes) if processes else InProcess()
    report = run_graph(repository, path, executor=executor)
    ran = time.perf_counter() - built
    repository.close()
    done = report.count(QuantumStatus.DONE)
    print(
        f"{done} quanta on {processes} processes: graph {built - began:.2f} s, "
        f"run {ran:.2f} s = {done / ran:.0f} quanta/s"
    )


def _make_repository(root: Path, exposures: int) -> Repository:
    repository = Repository.create(root)
    _insert_records(repository, exposures)
    dimensions = repository.universe.group(["exposure", "detector"])
    raw = DatasetType("raw", dimensions, "StructuredDict")
    repository.registry.dataset_types.register(raw)
    repository.registry.collections.register(RUN, CollectionType.RUN)
    frame = pl.DataFrame(
        [("Cam", d, e) for e in range(exposures) for d in range(DETECTORS)],
        schema=["instrument", "detector", "exposure"],
        orient="row",
    ).select(dimensions.required)
    ids = uuid_series(make_uuids(frame.height))
    records = [
        record
        for row, identity in zip(frame.rows(), ids, strict=True)
        for record in repository.datastore.write(
            CONTENT,
            DatasetRef(raw, DataCoordinate(dimensions, row), RUN, UUID(bytes=identity)),
        )
    ]
    repository.record(
        raw, RUN, frame, dataset_ids=ids, records=records_to_frame(records)
    )
    return repository


def _insert_records(repository: Repository, exposures: int) -> None:
    insert = repository.registry.dimensions.insert
    of = {"instrument": "Cam"}
    insert("instrument", [of])
    insert("physical_filter", [{**of, "physical_filter": "g1", "band": "g"}])
    insert(
        "detector",
        [{**of, "detector": d, "full_name": f"S{d}"} for d in range(DETECTORS)],
    )
    insert("day_obs", [{**of, "day_obs": 20260101}])
    insert("group", [{**of, "group": f"g{e}"} for e in range(exposures)])
    insert(
        "exposure",
        [
            {
                **of,
                "exposure": e,
                "obs_id": f"obs{e}",
                "group": f"g{e}",
                "day_obs": 20260101,
                "physical_filter": "g1",
            }
            for e in range(exposures)
        ],
    )


if __name__ == "__main__":
    main()
