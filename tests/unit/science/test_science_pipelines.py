"""The packaged pipelines hold together, and their tasks meet data by name."""

from __future__ import annotations

from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from pantler.datasets.deferred import DeferredDataset
from pantler.dimensions.universe import Universe
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.science.coadd import CoaddTask
from pantler.science.detect import DetectTask
from pantler.science.merge import MergeTask
from pantler.science.summarize import SummarizeTask
from pantler.science.warp import WarpTask

MADE = {
    "bias": {"bias"},
    "dark": {"dark_isr", "dark"},
    "flat": {"flat_isr", "flat"},
    "science": {
        *("post_isr", "calexp", "src", "calexp_summary", "visit_summary"),
        *("warp", "coadd", "coadd_src", "object"),
    },
}


@pytest.mark.parametrize("kind", ["bias", "dark", "flat"])
def test_a_calibration_is_made_of_frames_of_its_own_kind(kind):
    text = files("pantler.science.pipelines").joinpath(f"{kind}.yaml").read_text()
    pipeline = Pipeline.from_yaml(text, where=kind)
    label = f"combine_{kind}"
    for chosen, condition in (
        ({}, f"exposure.observation_type = '{kind}'"),
        ({"observation_types": ["sky", "it's"]}, "IN ('sky', 'it''s')"),
        ({"observation_types": []}, ""),
    ):
        values = {f"{label}:{key}": value for key, value in chosen.items()}
        configured = pipeline.with_overrides(values)
        graph = PipelineGraph.from_pipeline(configured, Universe.default())
        where = graph.tasks[label].inputs["frames"].connection.where
        assert where.endswith(condition)
        assert bool(where) == bool(condition)


@pytest.mark.parametrize("name", MADE)
def test_each_packaged_pipeline_forms_a_graph_that_makes_what_it_says(name):
    text = files("pantler.science.pipelines").joinpath(f"{name}.yaml").read_text()
    pipeline = Pipeline.from_yaml(text, where=name)
    graph = PipelineGraph.from_pipeline(pipeline, Universe.default())
    made = {key for key, node in graph.datasets.items() if node.producer is not None}
    assert made == MADE[name]


def test_calibrations_are_made_as_such():
    for name in ("bias", "dark", "flat"):
        text = files("pantler.science.pipelines").joinpath(f"{name}.yaml").read_text()
        pipeline = Pipeline.from_yaml(text, where=name)
        graph = PipelineGraph.from_pipeline(pipeline, Universe.default())
        assert graph.datasets[name].dataset_type.is_calibration


class Quantum:
    """A quantum in memory."""

    def __init__(self, data_id, **inputs):
        self.data_id = data_id
        self.label = "test"
        self.inputs = inputs
        self.stored = {}

    def get(self, connection):
        return self.inputs[connection]

    def put(self, connection, value):
        self.stored[connection] = value


def deferred(value, **data_id):
    reader = SimpleNamespace(get=lambda *_, **__: value)
    return DeferredDataset(SimpleNamespace(data_id=data_id), reader)


@pytest.fixture
def sky_map(wcs, make_patch):
    patch = make_patch(wcs, (200, 200), border=20)
    tract = SimpleNamespace(patch={7: patch}.__getitem__)
    return SimpleNamespace(tract={3: tract}.__getitem__)


def test_warp_reads_handles_and_looks_up_its_patch(make_sky, wcs, sky_map):
    image = make_sky(wcs)
    quantum = Quantum(
        {"tract": 3, "patch": 7}, calexp=[deferred(image)], sky_map=sky_map
    )
    WarpTask().run_quantum(quantum)
    assert quantum.stored["warp"].shape == (200, 200)


def test_coadd_reads_handles(make_sky, wcs):
    quantum = Quantum({}, warps=[deferred(make_sky(wcs)) for _ in range(2)])
    CoaddTask().run_quantum(quantum)
    assert np.isfinite(quantum.stored["coadd"].data).all()


def test_detect_looks_up_its_patch(make_sky, wcs, sky_map):
    coadd = make_sky(wcs, [100.0, 8.0], [100.0, 100.0], [3000.0, 3000.0])
    quantum = Quantum({"tract": 3, "patch": 7}, coadd=coadd, sky_map=sky_map)
    DetectTask().run_quantum(quantum)
    assert sorted(quantum.stored["coadd_src"]["in_inner"]) == [False, True]


def test_merge_knows_the_band_of_each_table():
    columns = {key: [1.0] for key in ("ra", "dec", "flux", "flux_err", "snr")}
    table = Table({**columns, "in_inner": [True]})
    quantum = Quantum(
        {}, coadd_src=[deferred(table, band="g"), deferred(table, band="r")]
    )
    MergeTask().run_quantum(quantum)
    assert {"g_flux", "r_flux"} <= set(quantum.stored["objects"].colnames)


def test_summarize_knows_the_detector_of_each_summary():
    quantum = Quantum(
        {},
        calexp_summary=[deferred({"n": 5}, detector=2), deferred({"n": 4}, detector=1)],
    )
    SummarizeTask().run_quantum(quantum)
    assert list(quantum.stored["visit_summary"]["detector"]) == [1, 2]
