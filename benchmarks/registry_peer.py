"""The peer's registry at the same works as `registry.py`, in the peer's environment.

Run by ``python benchmarks/registry.py --peer PYTHON`` with the interpreter of an
environment that has lsst-daf-butler; see docs there. It prints JSON: for each work, how
many a second, or milliseconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from lsst.daf.butler import Butler, DatasetType
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

DETECTORS, EXPOSURES = 50, 100


def fill(butler: Butler) -> None:
    """Insert the records of a camera and its exposures."""
    insert = butler.registry.insertDimensionData
    of = {"instrument": "Cam"}
    insert("instrument", {"name": "Cam", "visit_system": 0, "class_name": "none"})
    insert("physical_filter", {**of, "name": "g1", "band": "g"})
    insert("day_obs", {**of, "id": 20260101})
    insert("group", {**of, "name": "group 1"})
    day = {**of, "physical_filter": "g1", "day_obs": 20260101}
    detectors = [{**of, "id": d, "full_name": f"S{d}"} for d in range(DETECTORS)]
    insert("detector", *detectors)
    rows = [
        {**day, "id": e, "obs_id": f"o{e}", "group": "group 1"}
        for e in range(EXPOSURES)
    ]
    insert("exposure", *rows)
    insert("visit", *[{**day, "id": e, "name": f"v{e}"} for e in range(EXPOSURES)])


def square(visit: int, detector: int) -> ConvexPolygon:
    """Return the region of a detector of 0.22 degrees."""
    lon, lat = visit * 3.0 + detector % 10 * 0.22, detector // 10 * 0.22
    corners = [(0, 0), (0.22, 0), (0.22, 0.22), (0, 0.22)]
    return ConvexPolygon(
        [UnitVector3d(LonLat.fromDegrees(lon + x, lat + y)) for x, y in corners]
    )


def main(folder: str) -> None:
    """Print what each work takes."""
    root = str(Path(folder) / "repo")
    Butler.makeRepo(root)
    butler = Butler.from_config(root, writeable=True)
    fill(butler)
    registry, found = butler.registry, {}
    pairs = [(e, d) for e in range(EXPOSURES) for d in range(DETECTORS)]

    def seconds(work: object) -> float:
        start = time.perf_counter()
        work()  # type: ignore[operator]
        return time.perf_counter() - start

    raw = DatasetType("raw", ["exposure", "detector"], "StructuredDataDict",
                      universe=butler.dimensions)  # fmt: skip
    registry.registerDatasetType(raw)
    runs = [f"run/{n}" for n in range(100)]
    each = seconds(lambda: [registry.registerRun(run) for run in runs]) / len(runs)
    found["register"] = each * 1e3
    ids = [{"instrument": "Cam", "exposure": e, "detector": d} for e, d in pairs]
    took = seconds(lambda: registry.insertDatasets(raw, ids, run=runs[0]))
    found["insert"] = len(ids) / took
    one = ids[77]
    took = seconds(lambda: [butler.find_dataset(raw, one, collections=runs[:2])
                            for _ in range(50)])  # fmt: skip
    found["find"] = took / 50 * 1e3
    took = seconds(lambda: list(registry.queryDatasets(raw, collections=runs[0])))
    found["rows"] = len(ids) / took
    rows = [
        {"instrument": "Cam", "visit": e, "detector": d, "region": square(e, d)}
        for e, d in pairs
    ]
    took = seconds(lambda: registry.insertDimensionData("visit_detector_region", *rows))
    found["regions"] = len(rows) / took
    refs = list(registry.queryDatasets(raw, collections=runs[0]))
    took = seconds(lambda: butler.pruneDatasets(refs, unstore=True, purge=True,
                                                disassociate=True))  # fmt: skip
    found["delete"] = len(refs) / took
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
