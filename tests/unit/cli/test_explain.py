"""``--explain``: how the rows of a command are found."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from pantler.cli.main import cli
from pantler.errors import InvalidInputError

COMMANDS = [
    ("query-datasets", "raw"),
    ("query-data-ids", "exposure", "detector"),
    ("query-dimension-records", "exposure"),
]


@pytest.fixture
def run(survey_repository):
    def run(command: str, *words: str):
        return CliRunner().invoke(cli, [command, str(survey_repository), *words])

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_plan_and_timings_are_printed_instead_of_rows(run, command):
    result = run(*command, "--explain", "--where", "detector = 2 AND exposure > 0")
    if command[0] == "query-dimension-records":
        result = run(*command, "--explain", "--where", "exposure > 0")
    assert result.exit_code == 0, result.output
    found = result.stdout
    assert re.search(r"run it and fetch the rows, .*: [\d,]+ rows?, \d+\.\d ms", found)
    for part in ("Relations:", "Plan of the database:", "Statement:", "Values: "):
        assert part in found
    assert "─" not in found  # no table


def test_each_type_has_its_plan(run):
    found = run("query-datasets", "*", "--explain").stdout
    assert found.count("Plan of the database:") == found.count("Values: ") > 1
    assert found.startswith("bias\nRelations:")


def test_a_limit_and_columns_are_those_of_the_rows(run):
    words = "--limit", "3", "--columns", "exposure.exposure_time", "--explain"
    found = run("query-datasets", "raw", *words).stdout
    assert "exposure_time" in found
    assert re.search(r": 3 rows, ", found)


def test_it_says_why_there_is_nothing(run):
    found = run("query-data-ids", "exposure", "--where", "exposure = 0", "--explain")
    assert "exposure = 0" in found.stdout.splitlines()[0]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("option", [("--format", "json"), ("--count-by", "exposure")])
def test_there_is_none_for_programs_and_counts(run, command, option):
    result = run(*command, "--explain", *option)
    assert isinstance(result.exception, InvalidInputError)
    assert f"leave out {option[0]}, or --explain" in str(result.exception)
    assert not result.stdout
