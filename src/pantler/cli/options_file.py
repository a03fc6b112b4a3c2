"""Options of commands from a file: ``-@ FILE`` of each command, ``--options FILE``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pantler.cli.files import read_bytes
from pantler.errors import InvalidInputError, close_match
from pantler.execution.plain_values import plain_repr, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONG_KEY: Final = re.compile(
    r"""(?: (?<![\w-]) (?: [\w-]++ | "[^"\n]*+" | '[^'\n]*+' ) \s*+ \.\s*+ ){32}""",
    re.VERBOSE,
)
_NOT_FROM_A_FILE: Final = {"help", "options_file"}


def options_of_commands(
    path: str, names: Iterable[str], command: str, found: click.Command
) -> dict[str, dict[str, Any]]:
    """Return what a file with a table for each command says of one command.

    Parameters
    ----------
    path
        The file, TOML, or YAML by its name.
    names
        Those of all commands.
    command, found
        The command that is to run: its name, and itself.

    Raises
    ------
    InvalidInputError
        If the file holds something else, a command that does not exist, or an option
        that the command does not have.
    """
    tables = _mapping(path)
    known = list(names)
    for key, table in tables.items():
        name = plain_text(key)
        if name not in known:
            raise InvalidInputError(
                f"'{path}' has options of '{name}', but there is no such command."
                f"{close_match(name, known)}"
            )
        if not isinstance(table, dict):
            raise InvalidInputError(
                f"'{path}': what it says of '{name}' is not a table of options. "
                f"Write [{name}] and its options below, such as limit = 20."
            )
    return {command: _checked(path, tables.get(command, {}), found)}


def add_options_file(command: click.Command) -> click.Command:
    """Give a command, or each of a group's, the option ``-@``; return it."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            add_options_file(inner)
    elif all(parameter.name != "options_file" for parameter in command.params):
        command.params.append(_OPTION)
    return command


def _read_options(
    context: click.Context, parameter: click.Parameter, path: str | None
) -> None:
    """Take the options of a file for those that the command line leaves out."""
    del parameter
    if path is not None:
        said = _checked(path, _mapping(path), context.command)
        context.default_map = {**(context.default_map or {}), **said}


_OPTION: Final = click.Option(
    ["--options-file", "-@", "options_file"],
    type=click.Path(),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_read_options,
    help="Take options from this file, YAML or TOML: 'limit: 20'. What the command "
    "line says goes before.",
)


def _mapping(path: str) -> dict[str, Any]:
    """Return what a YAML or TOML file holds."""
    from pantler.config.yaml_text import load_yaml

    data = read_bytes(Path(path))
    if path.lower().endswith(".toml"):
        found: Any = _toml(data, path)
    else:
        found = load_yaml(data, f"'{path}'")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidInputError(
            f"'{path}' does not hold options. Write their names and values, such as "
            "'limit: 20'."
        )
    return found


def _toml(data: bytes, path: str) -> dict[str, Any]:
    # Reading takes time with the square of a key's parts.
    if _LONG_KEY.search(data.decode("utf-8", "replace")):
        raise InvalidInputError(f"'{path}' has a key of more than 32 parts.")
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"'{path}' is not TOML: {error}") from None


def _checked(
    path: str, said: Mapping[Any, Any], command: click.Command
) -> dict[str, Any]:
    """Return the values of options by the names of the command's parameters."""
    known = {
        flag.lstrip("-"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name not in _NOT_FROM_A_FILE
        for flag in (*option.opts, *option.secondary_opts)
        if flag.startswith("--")
    }
    values = {}
    for key, value in said.items():
        name = plain_text(key).replace("_", "-")
        option = known.get(name)
        if option is None or option.name is None:
            hint = close_match(name, known) or f" It has {', '.join(known)}."
            raise InvalidInputError(
                f"'{path}': the command has no option '{plain_text(key)}'.{hint}"
            )
        try:
            given = _as_given(value, option)
        except InvalidInputError as error:
            raise InvalidInputError(f"'{path}': option '{name}' {error}") from None
        if f"--{name}" in option.secondary_opts:
            given = not given
        values[option.name] = given
    return values


def _as_given(value: Any, option: click.Option) -> Any:
    """Return a value as the command line would give it."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise InvalidInputError(f"is true or false, not {plain_repr(value)}.")
        return value
    values = value if isinstance(value, list) else [value]
    if any(item is None or isinstance(item, dict | list) for item in values):
        raise InvalidInputError(f"cannot be {plain_repr(value)}.")
    if option.multiple:
        return [plain_text(item) for item in values]
    if isinstance(value, list):
        raise InvalidInputError("takes one value, not a list.")
    return plain_text(value)
