"""How fast a quantum graph is built, written and read, and in how much memory.

python benchmarks/graph_build.py --visits 100 --detectors 100
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from survey import INSTRUMENT, Survey, make_pipeline, make_survey

from pantler.quanta.building.build import build_graph
from pantler.quanta.file.reading import GraphFile
from pantler.quanta.file.writing import write_graph
from pantler.registry.sql.sqlite import SqliteRegistry


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.keep or scratch)
        survey = Survey(options.visits, round(options.detectors**0.5), options.runs)
        database = (
            folder / f"{options.visits}-{options.detectors}-{options.runs}.sqlite"
        )
        if options.stage == "all":
            if not database.exists():
                began = time.perf_counter()
                make_survey(database, survey).close()
                print(f"survey made in        {time.perf_counter() - began:10.2f} s")
            # A process of its own: the peak of memory is that of the build alone.
            command = [sys.executable, __file__, "--stage", "build"]
            for name in ("visits", "detectors", "runs"):
                command += [f"--{name}", str(getattr(options, name))]
            subprocess.run([*command, "--keep", str(folder)], check=True)
        else:
            _measure(database, folder / "bench.qgraph")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=100)
    parser.add_argument("--detectors", type=int, default=100, help="a square number")
    parser.add_argument("--runs", type=int, default=1, help="RUNs that hold the raws")
    parser.add_argument("--keep", help="folder in which to keep the survey")
    parser.add_argument("--stage", choices=["all", "build"], default="all")
    return parser.parse_args()


def _measure(database: Path, target: Path) -> None:
    registry = SqliteRegistry.open(database)
    pipeline = make_pipeline(registry)
    before = _memory_kib("VmRSS")
    began = time.perf_counter()
    graph = build_graph(
        pipeline,
        registry,
        inputs=[f"{INSTRUMENT}/raw/all", f"{INSTRUMENT}/calib"],
        output_run="bench/run",
        records=registry.record_table("files").fetch,
    )
    built = time.perf_counter()
    size = write_graph(graph, target)
    written = time.perf_counter()
    peak = _memory_kib("VmHWM")
    predicted = sum(len(t) for t in graph.datasets.values() if t.is_predicted)
    print(graph.summary())
    print(f"quanta                {len(graph):10}")
    print(f"datasets              {graph.n_datasets:10}")
    print(f"build                 {built - began:10.3f} s")
    print(f"write                 {written - built:10.3f} s")
    print(f"quanta per second     {len(graph) / (written - began):10.0f}")
    print(f"memory above start    {(peak - before) / 1024:10.1f} MiB")
    print(f"file                  {size / 1e6:10.3f} MB")
    bare = graph.records.clear()
    from dataclasses import replace

    bare_size = write_graph(replace(graph, records=bare), target.with_suffix(".bare"))
    print(f"bytes per predicted   {bare_size / predicted:10.2f} (records aside)")
    _measure_reading(target, len(graph))


def _measure_reading(target: Path, count: int) -> None:
    began = time.perf_counter()
    for index in (0, count // 2, count - 1):
        GraphFile.open(target).quantum(index)
    print(f"open, read one        {(time.perf_counter() - began) / 3 * 1e3:10.2f} ms")
    file = GraphFile.open(target)
    began = time.perf_counter()
    for index in range(0, count, max(count // 1000, 1)):
        file.quantum(index)
    print(f"1000 quanta, in order {(time.perf_counter() - began) * 1e3:10.2f} ms")
    began = time.perf_counter()
    file.load()
    print(f"load all              {time.perf_counter() - began:10.3f} s")


def _memory_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
