"""A plan has the configuration of the camera that its frames are of."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from pantler.butler.repository import Repository
from pantler.errors import PipelineError
from pantler.quanta.planning import plan_graph
from pantler.testing.survey_repository import INPUTS, survey_pipeline


@pytest.fixture
def registry(survey_repository, tmp_path):
    root = shutil.copytree(survey_repository, tmp_path / "repo")
    with Repository.open(root) as opened:
        yield opened.registry


@pytest.mark.parametrize("named", ["ARCSAT", "arcsat"])
def test_the_configuration_of_another_camera_is_refused(registry, named):
    pipeline = replace(survey_pipeline("reduce"), instrument=named)
    with pytest.raises(PipelineError) as caught:
        plan_graph(registry, pipeline, inputs=INPUTS, output_run="out")
    assert str(caught.value) == (
        "The pipeline takes the configuration of 'ARCSAT', and task 'reduce' would "
        "process data of 'Cam'. Name the instrument of the data, or leave the others "
        "out with a condition: instrument = 'ARCSAT'."
    )


def test_a_camera_has_its_own_configuration(registry, monkeypatch):
    monkeypatch.setattr("pantler.instruments.arcsat.Arcsat.name", "Cam")
    pipeline = replace(survey_pipeline("reduce"), instrument="arcsat")
    graph = plan_graph(registry, pipeline, inputs=INPUTS, output_run="out")
    assert len(graph.quanta["reduce"]) == 12
