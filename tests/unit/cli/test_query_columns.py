"""The query commands show more columns, and count by columns."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from pantler.cli.main import cli


@pytest.fixture
def run(survey_repository):
    def run(command, *words, fails=False):
        line = [command, str(survey_repository), *words]
        result = CliRunner().invoke(cli, line)
        assert (result.exception is not None) == fails, result.output
        return str(result.exception) if fails else result.stdout

    return run


def test_datasets_of_several_types_are_counted_by_columns(run):
    words = ["--count-by", "detector"]
    assert "raw (4)" in run("query-datasets", "raw", "bias", *words)
    rows = json.loads(run("query-datasets", "r*", "bias", *words, "--format", "json"))
    counted = {
        kind: [row for row in rows if row["dataset_type"] == kind]
        for kind in ("raw", "bias")
    }
    assert [row["count"] for row in counted["raw"]] == [3] * 4
    assert [row["count"] for row in counted["bias"]] == [1] * 4


def test_columns_stand_beside_datasets(run):
    words = ["--columns", "exposure_time,size", "--show-uri", "--format", "csv"]
    rows = list(csv.DictReader(run("query-datasets", "raw", *words).splitlines()))
    assert len(rows) == 12
    assert {row["exposure.exposure_time"] for row in rows} == {"10.0", "20.0", "30.0"}
    assert all(int(row["raw.size"]) > 0 for row in rows)
    assert all(row["dataset_id"] in row["uri"] for row in rows)


def test_columns_stand_beside_data_ids(run):
    words = ["--columns", "exposure.exposure_time", "--format", "json", "--limit", "2"]
    rows = json.loads(run("query-data-ids", "exposure", *words))
    assert [row["exposure.exposure_time"] for row in rows] == [10.0, 20.0]
    counted = ["--count-by", "band", "--order-by", "-count", "--format", "json"]
    rows = json.loads(run("query-data-ids", "exposure", "detector", *counted))
    assert rows == [{"band": "g", "count": 8}, {"band": "r", "count": 4}]
    assert json.loads(
        run("query-data-ids", "exposure", "detector", *counted, "--limit", "1")
    ) == [{"band": "g", "count": 8}]


def test_records_are_counted(run):
    words = ["--count-by", "can_see_sky", "--format", "json"]
    rows = json.loads(run("query-dimension-records", "exposure", *words))
    assert [row["count"] for row in rows] == [1, 2]


def test_a_name_that_means_nothing_gets_a_hint(run):
    said = run("query-data-ids", "exposure", "--count-by", "bnd", fails=True)
    assert "Did you mean 'band'" in said
    words = ["--count-by", "band", "--order-by", "detector"]
    said = run("query-data-ids", "exposure", *words, fails=True)
    assert "only by band, count" in said
    said = run("query-datasets", "raw", "bais", fails=True)
    assert "Did you mean 'bias'" in said
