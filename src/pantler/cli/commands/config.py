"""``pantler config``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pantler.cli.output import OutputFormat, format_option, print_rows

if TYPE_CHECKING:
    from pantler.config.layers import Layer


@click.group()
def config() -> None:
    """See what is set for a repository, and where."""


@config.command()
@click.argument("repo", type=click.Path(), required=False)
@click.option("--origin", is_flag=True, help="Also where each value came from.")
@format_option
def show(repo: str | None, *, origin: bool, output_format: OutputFormat) -> None:
    """Print all settings, and where they came from.

    Without REPO, those that a new repository would have. The strongest wins:
    packaged, repository (pantler.yaml), user (~/.config/pantler/settings.yaml),
    environment (PANTLER_SECTION__KEY).

    \b
    Example:
      pantler config show my-repository --origin
    """
    from pantler.config.merging import merge

    columns = ["setting", "value", *(["origin"] if origin else []), "meaning"]
    rows = [
        {
            "setting": setting.name,
            "value": setting.value,
            "origin": str(setting.origin),
            "meaning": _short(setting.description, output_format),
        }
        for setting in merge(_layers(repo)).values
    ]
    print_rows(rows, columns, output_format)


def _short(description: str, output_format: OutputFormat) -> str:
    """Return the first sentence where people read it."""
    text = description.replace("``", "'")
    return text.partition(". ")[0] if output_format == "table" else text


def _layers(repo: str | None) -> list[Layer]:
    if repo is None:
        from pantler.config.layers import personal_layers

        return personal_layers()
    from pantler.butler.settings_file import read_settings_file, repository_folder
    from pantler.config.settings import SETTINGS_FILE, layers_for_user

    root = repository_folder(repo)
    return layers_for_user(read_settings_file(root), str(root / SETTINGS_FILE))
