"""Summaries of visits: one table row for each detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pantler.errors import InvalidInputError
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table

    from pantler.tasks.context import QuantumContext


class SummarizeConnections(Connections, dimensions=("instrument", "visit")):
    """The summaries of the detectors in, a table of them out."""

    calexp_summary = Input(
        "calexp_summary",
        "StructuredDict",
        "Seeing, background, noise and place of each detector's image.",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferred=True,
    )
    visit_summary = Output(
        "visit_summary",
        "Table",
        "A row for each detector.",
        dimensions=("instrument", "visit"),
    )


class SummarizeTask(PipelineTask[TaskConfig]):
    """Gather the summaries of a visit in a table."""

    connections = SummarizeConnections

    def run_quantum(self, quantum: QuantumContext) -> None:
        """Hand ``run`` the summaries by detector."""
        handles = quantum.get("calexp_summary")
        summaries = {int(h.data_id["detector"]): h.get() for h in handles}
        self.put_outputs(quantum, self.run(calexp_summary=summaries))

    def run(
        self, *, calexp_summary: Mapping[int, Mapping[str, Any]]
    ) -> dict[str, Table]:
        """Return the table, a row for each detector, in their order.

        Parameters
        ----------
        calexp_summary
            Summaries, with the same keys, by the number of the detector.

        Raises
        ------
        InvalidInputError
            If there is none, or their keys differ.
        """
        from astropy.table import Table

        if not calexp_summary:
            raise InvalidInputError("There is no summary to gather.")
        detectors = sorted(calexp_summary)
        keys = list(calexp_summary[detectors[0]])
        for detector in detectors:
            if set(calexp_summary[detector]) != set(keys):
                odd = set(calexp_summary[detector]) ^ set(keys)
                raise InvalidInputError(
                    f"The summaries of detectors {detectors[0]} and {detector} differ "
                    f"in their keys: {', '.join(sorted(odd))}."
                )
        table = Table({"detector": detectors})
        for key in keys:
            table[key] = np.asarray([calexp_summary[d][key] for d in detectors])
        self.metadata["detectors"] = len(table)
        if "seeing_arcsec" in keys:
            seeing = float(np.median(table["seeing_arcsec"]))
            self.metadata["seeing_arcsec"] = seeing
            self.log.info("%d detectors, seeing %.2f arcsec", len(table), seeing)
        return {"visit_summary": table}
