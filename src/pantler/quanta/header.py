"""What a quantum graph was made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class GraphHeader:
    """What a quantum graph was made from, and where its outputs go.

    Parameters
    ----------
    inputs
        The collections that were searched, in order.
    used
        Those of them from which something is taken.
    output
        The CHAINED collection that users see; empty for none.
    output_run
        The RUN collection of all outputs.
    user
        Who built it.
    created
        When, ISO 8601 UTC.
    seed, time_ms
        From which the UUIDs of all outputs follow: see
        `pantler.datasets.identity.uuids_at`.
    command
        The command line, if one built it.
    settings
        What a worker needs to open the repository's datastore; opaque here.
    """

    inputs: tuple[str, ...]
    output: str
    output_run: str
    user: str
    created: str
    seed: int
    time_ms: int
    used: tuple[str, ...] = ()
    command: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
