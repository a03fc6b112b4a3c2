"""The very small survey as a repository with files: what executors are tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.testing.survey import (
    DETECTORS,
    EXPOSURES,
    bias_type,
    fill_survey,
    raw_type,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from pantler.config.settings import RepositorySettings


RAWS: Final = "Cam/raw"
CALIBRATIONS: Final = "Cam/calib"
INPUTS: Final = (RAWS, CALIBRATIONS)


def make_survey_repository(
    root: str | PathLike[str], settings: RepositorySettings | None = None
) -> Repository:
    """Make a repository with the survey of `fill_survey`, and open it for writing.

    The raw of exposure ``e`` and detector ``d`` has the level ``100 e + d``; the bias
    of detector ``d`` has the level ``d`` and is valid at any time.

    Parameters
    ----------
    root
        A folder that does not exist or is empty.
    settings
        How to store; the packaged defaults when None.
    """
    repository = Repository.create(root, settings=settings)
    butler = Butler.of(repository)
    with repository.transaction():
        fill_survey(repository.registry)
        raw, bias = raw_type(repository.registry), bias_type(repository.registry)
        for detector in DETECTORS:
            level = {"level": detector}
            butler.put(level, bias, run="Cam/biases", detector=detector)
            for exposure in EXPOSURES:
                value = {"detector": detector, "level": 100 * exposure + detector}
                keys = {"exposure": exposure, "detector": detector}
                butler.put(value, raw, keys, run=RAWS)
        butler.collections.register(CALIBRATIONS, CollectionType.CALIBRATION)
        biases = list(butler.query_datasets("bias", collections="Cam/biases"))
        butler.collections.certify(CALIBRATIONS, biases, Timespan.always())
    return repository


def survey_pipeline(*labels: str, **config: Mapping[str, object]) -> Pipeline:
    """Return a pipeline of some of the tasks of `pantler.testing.tasks`.

    Parameters
    ----------
    *labels
        Of ``reduce``, ``measure`` and ``gather``; all when none is named.
    **config
        Configurations by label.
    """
    tasks = tuple(
        TaskDefinition(
            label,
            f"pantler.testing.tasks.{label.capitalize()}Task",
            dict(config.get(label, {})),
        )
        for label in labels or ("reduce", "measure", "gather")
    )
    return Pipeline("The tasks of pantler.testing.", tasks)
