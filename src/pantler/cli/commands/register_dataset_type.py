"""``pantler register-dataset-type``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("name")
@click.argument("storage_class")
@click.argument("dimensions", nargs=-1)
@click.option(
    "--is-calibration", is_flag=True, help="Its datasets can be certified for a time."
)
def register_dataset_type(
    repo: str,
    name: str,
    storage_class: str,
    *,
    dimensions: tuple[str, ...],
    is_calibration: bool,
) -> None:
    """Register a dataset type.

    STORAGE_CLASS says what its datasets are in Python, such as DataFrame, and
    DIMENSIONS what their data IDs name; none, if there is one dataset to a run.

    \b
    Example:
      pantler register-dataset-type my-repository stars DataFrame visit detector
    """
    from pantler.butler.interface import Butler

    names = ",".join(dimensions)
    with Butler.open(repo, writeable=True) as butler:
        is_new = butler.dataset_types.register(
            name, names, storage_class, is_calibration=is_calibration
        )
    click.echo(
        f"Registered '{name}'." if is_new else f"'{name}' was registered already."
    )
