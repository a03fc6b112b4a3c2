"""``query-datasets``: what a limit counts, and what headings say."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pantler import Butler
from pantler.cli.main import cli


@pytest.fixture(scope="module")
def counts(survey_repository):
    """How many datasets there are of each type whose name has an 'a'."""
    with Butler.open(survey_repository) as butler:
        kinds = [kind.name for kind in butler.dataset_types.all() if "a" in kind.name]
        found = {kind: butler.query_datasets(kind).count() for kind in kinds}
    return {kind: count for kind, count in found.items() if count}


@pytest.fixture
def query(survey_repository):
    def run(*words: object) -> str:
        line = ["query-datasets", survey_repository, "*a*", *words]
        result = CliRunner().invoke(cli, list(map(str, line)))
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_headings_without_a_limit_count_all(counts, query):
    assert len(counts) > 1
    assert _headings(query()) == [f"{kind} ({n})" for kind, n in counts.items()]


def test_a_limit_counts_the_rows_of_all_types(counts, query):
    first = next(iter(counts))
    (_, *rest) = counts.items()
    limit = counts[first] + 1
    assert len(json.loads(query("--limit", limit, "--format", "json"))) == limit
    kind, count = rest[0]
    assert _headings(query("--limit", limit)) == [
        f"{first} ({counts[first]})",
        f"{kind} (1 of {count})" if count > 1 else f"{kind} (1)",
        *(f"{kind} (0 of {count})" for kind, count in rest[1:]),
    ]


def test_headings_say_how_many_a_limit_left_out(counts, query):
    headings = _headings(query("--limit", 0))
    assert headings == [f"{kind} (0 of {count})" for kind, count in counts.items()]
    assert json.loads(query("--limit", 0, "--format", "json")) == []


def _headings(text):
    return [line for line in text.splitlines() if line.endswith(")") and "(" in line]
