"""A command of one's own: readings of a photodiode become datasets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from astropy.table import Table

_NAME = re.compile(r"(?P<day_obs>\d{8})_(?P<seq_num>\d{1,6})\.\w+$")


@click.command()
@click.argument("repo", type=click.Path())
@click.argument("instrument")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--run", help="RUN collection; default INSTRUMENT/photodiode.")
def ingest_photodiode(
    repo: str, instrument: str, files: tuple[Path, ...], run: str | None
) -> None:
    """Store the readings of a photodiode, a table for each exposure.

    The names of FILES end in the observing day and the sequence number of the
    exposure, as Photodiode_20250530_000012.txt; each line has a time (s) and a
    current (A). A file that cannot be used is named, with the reason, and the rest
    goes on; the exit code is then 2.

    \b
    Example:
      pantler ingest-photodiode my-repository DemoCam readings/*.txt
    """
    from pantler import Butler, DatasetType
    from pantler.errors import ConflictError, PantlerError

    failed = 0
    with Butler.open(repo, writeable=True) as butler:
        group = butler.universe.group(["instrument", "exposure"])
        butler.dataset_types.register(DatasetType("photodiode", group, "Table"))
        for file in files:
            try:
                butler.put(
                    _read(file),
                    "photodiode",
                    run=run or f"{instrument}/photodiode",
                    instrument=instrument,
                    **_exposure(file),
                )
            except ConflictError as error:
                click.echo(f"{file.name} is there already: {error}", err=True)
            except (PantlerError, ValueError) as error:
                failed += 1
                click.echo(f"{file.name} cannot be used: {error}", err=True)
    click.echo(f"{len(files) - failed} of {len(files)} files are in.")
    if failed:
        raise click.exceptions.Exit(2)


def _exposure(file: Path) -> dict[str, int]:
    """Return the part of the data ID that a file's name tells."""
    found = _NAME.search(file.name)
    if found is None:
        raise ValueError("its name does not end in DAY_NUMBER, as 20250530_000012.txt.")
    return {name: int(digits) for name, digits in found.groupdict().items()}


def _read(file: Path) -> Table:
    """Return the readings of a file as a table with units."""
    import numpy as np
    from astropy import units as u
    from astropy.table import Table

    readings = np.loadtxt(file, ndmin=2)
    if readings.ndim != 2 or readings.shape[1] != 2 or not len(readings):
        raise ValueError("it does not have two columns, time (s) and current (A).")
    return Table({"time": readings[:, 0] * u.s, "current": readings[:, 1] * u.A})
