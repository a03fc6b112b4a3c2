"""What one ``get`` by data ID takes, in counts: times differ between machines."""

from __future__ import annotations

import sys

import pytest

from pantler.butler.interface import Butler

KEYS = {"instrument": "Cam", "exposure": 1, "detector": 1}


@pytest.fixture
def butler(survey_repository):
    with Butler.open(survey_repository, collections=["Cam/raw"]) as butler:
        for _ in range(3):  # what is prepared once is
            butler.get("raw", KEYS)
        yield butler


def test_one_get_takes_few_statements_in_one_transaction(butler):
    """Beside BEGIN and COMMIT; one of them asks whether the catalog has changed."""
    connection = butler._repository.registry._db._mine().raw
    statements = []
    connection.set_trace_callback(statements.append)
    assert butler.get("raw", KEYS)["level"] == 101
    connection.set_trace_callback(None)
    assert statements[0] == "BEGIN"
    assert statements[-1] == "COMMIT"
    assert len(statements) - 2 <= 4


def test_one_get_takes_few_calls(butler):
    """Of functions in Python, from the butler to the bytes."""
    calls = []
    sys.setprofile(
        lambda frame, event, _: calls.append(frame) if event == "call" else None
    )
    try:
        butler.get("raw", KEYS)
    finally:
        sys.setprofile(None)
    names = [frame.f_code.co_qualname for frame in calls]
    assert len(names) <= 120, "\n".join(names)
