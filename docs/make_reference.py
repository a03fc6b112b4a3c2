"""Write the pages that follow from the code: ``python docs/make_reference.py``.

A test fails when a page and the code differ.
"""

from __future__ import annotations

import inspect
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import pantler
from pantler.cli.main import cli
from pantler.cli.options_file import add_options_file
from pantler.dimensions.universe import Universe
from pantler.errors import PantlerError
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantler.dimensions.column import Column
    from pantler.dimensions.element import DimensionElement

FOLDER: Final = Path(__file__).parent / "reference"

_NOTE: Final = "<!-- Written by docs/make_reference.py from the code: do not edit. -->"
_WIDTH: Final = 88


def command_names() -> list[str]:
    """Return the names of the commands that pantler itself brings."""
    points = distribution("pantler").entry_points.select(group="pantler.commands")
    return sorted(point.name for point in points)


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Yield the commands with their names; a group's commands follow it."""
    for name in command_names():
        command = add_options_file(load_plugin("commands", name))
        yield name, command
        if isinstance(command, click.Group):
            for inner in command.commands.values():
                yield f"{name} {inner.name}", inner


def make_cli() -> str:
    """Return the page of all commands: what each says of itself."""
    commands = dict(all_commands())
    rows = [
        [
            f"[`{name}`](#pantler-{name.replace(' ', '-')})",
            command.get_short_help_str(limit=200),
        ]
        for name, command in commands.items()
    ]
    lines = [
        "# Commands",
        _NOTE,
        "Each command is `pantler COMMAND`; `--help` prints what this page says of it. "
        "REPO is the folder of a repository. `--format json` and `--format csv` are "
        "for programs; results go to standard output, all else to standard error. "
        "[Errors](errors.md) has the exit codes, and "
        "[the query page](../how-to/query.md) what `--where` understands.",
        _table(["command", "what it does"], rows),
        f"## pantler\n\n{_help(cli)}",
    ]
    lines += [
        f"## pantler {name}\n\n{_help(command, name)}"
        for name, command in commands.items()
    ]
    return _page(lines)


def _help(command: click.Command, name: str | None = None) -> str:
    """Return what a command says of itself; the group's own when there is no name."""
    root = click.Context(
        cli,
        info_name="pantler",
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=cli.context_settings["help_option_names"],
    )
    if name is not None:
        text = command.get_help(click.Context(command, root, name))
    else:
        # Its commands are in the table, and other distributions may bring more.
        alone = click.Group(
            params=command.params, help=command.help, epilog=command.epilog
        )
        text = alone.get_help(root)
    return f"```text\n{text}\n```"


def make_errors() -> str:
    """Return the page of the errors: kinds, exit codes, meaning."""
    rows = [
        [
            f"{'&emsp;' * depth}`{error.__name__}`",
            f"`{error.kind}`",
            str(error.exit_code),
            _summary(error),
        ]
        for depth, error in _tree(PantlerError, 0)
    ]
    lines = [
        "# Errors and exit codes",
        _NOTE,
        "Every error that pantler raises on purpose is a `PantlerError`, of the module "
        "`pantler.errors`. Classes are grouped by what you do next. Catch the root of "
        "a group, such as `NotFoundError`, and you catch all of it. A class keeps its "
        "`kind` forever: programs may rely on it.",
        _table(["class", "kind", "exit code", "when"], rows),
        "`NotFoundError` is also a `LookupError`, `InvalidInputError` a `ValueError`, "
        "and `AccessError` a `PermissionError`.",
        "## At the command line",
        "The message goes to standard error, and the exit code is that of the class. "
        "With `--format json` the message is an object with `kind` and `message`:",
        "```console\n"
        "$ pantler query-datasets demo/repo calxep --format json\n"
        '{"kind": "dataset_type_not_found", "message": "No dataset type matches '
        "'calxep'. Did you mean 'calexp'?\"}\n"
        "$ echo $?\n3\n```",
        "Other exit codes:",
        _table(
            ["exit code", "when"],
            [
                ["0", "Success. An empty answer to a query is one, too."],
                ["2", "Also when `ingest-raws` had to leave a file out."],
                ["9", "Also when `run` ended, and a quantum had failed."],
                ["130", "Stopped by Ctrl-C."],
            ],
        ),
    ]
    return _page(lines)


def _tree(kind: type[PantlerError], depth: int) -> Iterator[tuple[int, type]]:
    yield depth, kind
    for child in kind.__subclasses__():
        if child.__module__ == kind.__module__:
            yield from _tree(child, depth + 1)


def make_python() -> str:
    """Return the page of the public names."""
    rows = []
    for name in pantler.__all__:
        found = getattr(pantler, name)
        rows.append([f"`{name}`", _summary(found), f"`{found.__module__}`"])
    butler = [
        [f"`{name}`", _summary(member)]
        for name, member in _public_methods(pantler.Butler)
    ]
    facets = []
    for attribute, home in _FACETS.items():
        module, _, kind = home.rpartition(".")
        loaded = getattr(__import__(module, fromlist=[kind]), kind)
        facets += [
            [f"`butler.{attribute}.{name}`", _summary(member)]
            for name, member in _public_methods(loaded)
        ]
    lines = [
        "# Python",
        _NOTE,
        "These names are what a user needs: `from pantler import Butler`. Each has a "
        "full description in its docstring: `help(Butler.get)`. Other modules can be "
        "imported, too; the how-to pages say which are for authors of plugins.",
        _table(["name", "what it is", "where it lives"], rows),
        "## What a butler can do",
        _table(["method", "what it does"], butler),
        "## The collections, dataset types and dimensions of a butler",
        _table(["method", "what it does"], facets),
    ]
    return _page(lines)


_FACETS: Final = {
    "collections": "pantler.butler.collections.Collections",
    "dataset_types": "pantler.butler.dataset_types.DatasetTypes",
    "dimensions": "pantler.butler.dimensions.Dimensions",
}
_FOR_AUTHORS: Final = ("open_repository", "create_repository")


def _public_methods(kind: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(kind).items():
        inner = getattr(member, "__func__", member)
        if name not in _FOR_AUTHORS and name[0] != "_" and inspect.isfunction(inner):
            yield name, inner


def make_universe() -> str:
    """Return the page of the packaged universe."""
    universe = Universe.default()
    stored = [one for one in universe.elements.values() if not one.is_pixel]
    dimensions = [one for one in stored if one.is_dimension]
    rows = [
        [
            f"[`{one.name}`](#{one.name})",
            one.primary_key.type,
            _names(name for name in one.required if name != one.name),
            _names(one.implied),
            _marks(one),
        ]
        for one in dimensions
    ]
    lines = [
        "# The default universe",
        _NOTE,
        "The dimensions that a repository has unless "
        "[`create --universe`](cli.md#pantler-create) is given others. A data ID has a "
        "value for each dimension that a dataset type *requires*; those that are "
        "*implied* follow from the records. The words are explained in "
        "[Concepts](../concepts.md#dimensions-and-data-ids).",
        _table(["dimension", "values", "requires", "implies", "marks"], rows),
        "*governor*: others mean nothing without it. *region*: its records have a "
        "region of the sky. *time span*: they have one. *view*: its values are added "
        "with the records of another dimension.",
        "Pixels of the sky are dimensions, too: `htm0` to "
        f"`htm{_most(universe, 'htm')}` and `healpix0` to "
        f"`healpix{_most(universe, 'healpix')}`, with integers as values. They have no "
        f"records. `{universe.common_pixels.name}` is the one by which regions are "
        "indexed.",
        "## Columns of each dimension",
        "In a query, a column is `dimension.column`, such as `exposure.exposure_time`. "
        "A *key* names a value as the dimension itself does.",
    ]
    lines += [_element(one) for one in stored]
    return _page(lines)


def _element(one: DimensionElement) -> str:
    rows = [
        *(_column(column, "key") for column in one.keys),
        *(_column(column, "") for column in one.metadata),
    ]
    if one.is_spatial:
        rows.append(["`region`", "region", "", "ICRS region of the sky."])
    if one.is_temporal:
        rows.append(["`timespan`", "time span", "", "TAI; has `.begin` and `.end`."])
    parts = [f"### {one.name}", one.doc]
    if not one.is_dimension:
        parts.append(f"A relation between {_names(one.required)}.")
    if rows:
        parts.append(_table(["column", "type", "", "what it is"], rows))
    return "\n\n".join(parts)


def _column(column: Column, mark: str) -> list[str]:
    return [f"`{column.name}`", column.type, mark, column.doc]


def _marks(one: DimensionElement) -> str:
    marks = {
        "governor": one.is_governor,
        "region": one.is_spatial,
        "time span": one.is_temporal,
        f"view of `{one.view_of}`": one.view_of is not None,
    }
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _most(universe: Universe, scheme: str) -> int:
    levels = [
        one.pixel_level
        for one in universe.elements.values()
        if one.pixel_scheme == scheme
    ]
    return max(levels)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _summary(found: object) -> str:
    """Return the first paragraph of a docstring, with quotes as Markdown has them."""
    text = inspect.getdoc(found) or ""
    sentence = " ".join(text.partition("\n\n")[0].split())
    return re.sub(r"`+([^`]+)`+", r"`\1`", sentence)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
    return "\n".join(f"| {line} |" for line in cells)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


PAGES: Final = {
    "cli.md": make_cli,
    "default-universe.md": make_universe,
    "errors.md": make_errors,
    "python.md": make_python,
}


def main() -> None:
    """Write all pages."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), "utf-8")


if __name__ == "__main__":
    main()
