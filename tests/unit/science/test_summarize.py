"""The summary of a visit has a row for each detector."""

from __future__ import annotations

import pytest

from pantler.errors import InvalidInputError
from pantler.science.summarize import SummarizeTask


def summary(seeing):
    return {"seeing_arcsec": seeing, "sources": 7, "corner_ra": [1.0, 2.0, 3.0, 4.0]}


def test_rows_are_in_the_order_of_the_detectors():
    task = SummarizeTask()
    table = task.run(calexp_summary={3: summary(1.5), 1: summary(1.1)})["visit_summary"]
    assert list(table["detector"]) == [1, 3]
    assert list(table["seeing_arcsec"]) == [1.1, 1.5]
    assert table["corner_ra"].shape == (2, 4)
    assert task.metadata["seeing_arcsec"] == pytest.approx(1.3)


def test_summaries_that_differ_in_their_keys_are_refused():
    with pytest.raises(InvalidInputError, match=r"detectors 1 and 2 differ.*extra"):
        SummarizeTask().run(
            calexp_summary={1: summary(1.0), 2: {**summary(1.0), "extra": 1}}
        )


def test_no_summary_is_refused():
    with pytest.raises(InvalidInputError, match="no summary"):
        SummarizeTask().run(calexp_summary={})
