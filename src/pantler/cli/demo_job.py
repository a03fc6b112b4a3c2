"""The reduction of a night, end to end, by the commands that a user types."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Final

import click

from pantler.cli.demo_folder import DemoFolder
from pantler.errors import TaskError

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.nddata import CCDData

    from pantler.butler.interface import Butler

_PIPELINES: Final = "pantler.science.pipelines"
_CALIBRATIONS: Final = "DemoCam/calib"
_BANDS: Final = ("g", "r")


class DemoJob:
    """The demo in one folder.

    Parameters
    ----------
    folder
        Gets ``frames``, ``repo`` and the pictures.
    processes
        How many workers run the pipelines.
    seed
        Of the simulated night.
    """

    def __init__(self, folder: Path, *, processes: int, seed: int) -> None:
        self._folder = folder
        self._marked = DemoFolder(folder)
        self._repo = folder / "repo"
        self._frames = folder / "frames"
        self._processes = processes
        self._seed = seed
        self._began = time.monotonic()

    def run(self, *, force: bool) -> None:
        """Do everything.

        Raises
        ------
        ConflictError
            If something else is in the folder, or a demo and ``force`` is not given.
        """
        self._marked.claim(force=force)
        try:
            self._work()
        finally:
            self._marked.note()

    def _work(self) -> None:
        self._simulate()
        self._fill()
        for kind in ("bias", "dark", "flat"):
            self._calibrate(kind)
        self._process()
        self._look()
        self._draw()
        self._advise()

    def _simulate(self) -> None:
        from pantler.instruments.demo.settings import DemoSettings
        from pantler.instruments.demo.simulator import simulate

        self._title("Simulate a night of a small camera")
        paths = simulate(self._frames, DemoSettings(seed=self._seed))
        click.echo(f"{len(paths)} raw frames in {self._frames}.")

    def _fill(self) -> None:
        self._title("Make a repository, and bring the raw frames in")
        self._command("create", self._repo)
        self._command("register-instrument", self._repo, "demo")
        self._command("ingest-raws", self._repo, self._frames, "-t", "hardlink")
        self._title("Find where on the sky they are, and divide it into patches")
        self._command("define-visits", self._repo)
        self._command(
            *("register-skymap", self._repo, "demo_sky", "--pixel-scale", 0.4),
            *("--patch-size", 600, "--patch-border", 40),
        )

    def _calibrate(self, kind: str) -> None:
        self._title(f"Combine the {kind} frames, and certify the result")
        inputs = "DemoCam/raw/all"
        if kind != "bias":
            inputs += f",{_CALIBRATIONS}"
        self._command(
            *("run", self._repo, "-p", f"{_PIPELINES}:{kind}.yaml", "-i", inputs),
            *("--output-run", f"{_CALIBRATIONS}/{kind}", "-j", self._processes),
            *("-d", f"exposure.observation_type = '{kind}'"),
        )
        self._command(
            *("certify-calibrations", self._repo, f"{_CALIBRATIONS}/{kind}"),
            *(_CALIBRATIONS, kind),
            *("--begin-date", "2025-01-01", "--end-date", "2026-01-01"),
        )

    def _process(self) -> None:
        self._title("Run the science pipeline")
        self._command(
            *("run", self._repo, "-p", f"{_PIPELINES}:science.yaml"),
            *("-i", f"DemoCam/raw/all,{_CALIBRATIONS},skymaps", "-o", "demo"),
            *("-d", "skymap = 'demo_sky'", "-j", self._processes),
        )

    def _look(self) -> None:
        self._title("Look at what was made")
        self._command("query-collections", self._repo)
        self._command("query-datasets", self._repo, "coadd", "-i", "demo")
        self._command(
            *("query-data-ids", self._repo, "visit", "patch", "--limit", 5),
            *("-d", "visit.exposure_time > 20 AND band = 'g'"),
        )

    def _draw(self) -> None:
        from pantler.butler.interface import Butler
        from pantler.science.picture import colour_picture

        self._title("Draw a colour picture of a coadd, and the pipeline")
        with Butler.open(self._repo, collections="demo") as butler:
            table = _what_was_made(butler)
            coadds = {band: _coadd_of_tract(butler, band) for band in _BANDS}
            objects = sum(
                int(butler.get(ref)["in_inner"].sum())
                for ref in butler.query_datasets("object")
            )
        picture = self._folder / "coadd.png"
        colour_picture(coadds).save(picture)
        click.echo(
            f"{picture}: the coadds of tract 0 in {' and '.join(_BANDS)}, "
            f"with {objects} objects."
        )
        self._command(
            *("show", "pipeline", f"{_PIPELINES}:science.yaml"),
            *("--drawing", "svg", "--save", self._folder / "pipeline.svg"),
        )
        click.echo(f"\n{table}")

    def _advise(self) -> None:
        seconds = time.monotonic() - self._began
        self._title(f"All done in {seconds:.0f} s. What to try next")
        repo = shlex.quote(str(self._repo))
        click.echo(
            f"""  pantler query-datasets {repo} src -i demo -d "band = 'r'" --show-uri
  pantler query-dimension-records {repo} exposure -d "exposure.exposure_time > 10"
  pantler show config {_PIPELINES}:science.yaml --tasks calibrate

  python
  >>> from pantler import Butler
  >>> butler = Butler.open({str(self._repo)!r}, collections="demo")
  >>> butler.get("coadd", tract=0, patch=0, band="g")
  >>> butler.get("calexp.wcs", visit=250301013, detector=2)"""
        )

    def _title(self, text: str) -> None:
        click.secho(f"\n{text}", bold=True)

    def _command(self, *words: object) -> None:
        """Show a command as it would be typed, and do it."""
        from pantler.cli.main import cli

        line = [str(word) for word in words]
        click.secho(f"$ pantler {_typed(line)}", fg="cyan")
        status = cli.main(line, prog_name="pantler", standalone_mode=False)
        if isinstance(status, int) and status:
            raise TaskError(
                f"'pantler {line[0]}' ended with exit code {status}; the demo stops."
            )
        self._marked.note()


def _coadd_of_tract(butler: Butler, band: str) -> CCDData:
    """Return the coadds of all patches of the demo's tract as one image."""
    from pantler.science.mosaic import mosaic

    sky_map = butler.get("skyMap", skymap="demo_sky")
    refs = butler.query_datasets("coadd", band=band, tract=0)
    images = {int(ref.data_id["patch"]): butler.get(ref) for ref in refs}
    return mosaic(images, sky_map.tract(0))


def _typed(words: list[str]) -> str:
    """Return a command line as a person would type it."""
    return " ".join(
        f'"{word}"' if "'" in word and '"' not in word else shlex.quote(word)
        for word in words
    )


def _what_was_made(butler: Butler) -> str:
    """Return a table of the dataset types of the run, with counts."""
    import polars as pl

    from pantler.cli.output import render_frame

    run = butler.collections.get("demo").children[0]
    names = sorted(butler.collections.dataset_types(run))
    rows = [
        {
            "dataset type": name,
            "dimensions": ", ".join(butler.dataset_types.get(name).dimensions.required),
            "storage class": butler.dataset_types.get(name).storage_class,
            "datasets": butler.query_datasets(name, collections=run).count(),
        }
        for name in names
    ]
    return render_frame(pl.DataFrame(rows))
