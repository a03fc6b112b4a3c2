"""The ``pantler`` command: finds commands as plugins, and says errors in a sentence."""

from __future__ import annotations

import itertools
import json
import os
import sys
from typing import Final

import click

from pantler.cli.options_file import add_options_file, options_of_commands
from pantler.errors import PantlerError, PluginError, close_match
from pantler.execution.log_lines import safe_text
from pantler.plugins import load_plugin, plugin_names

_CALLED_ELSEWHERE: Final = {
    "config-dump": "config show",
    "config-validate": "check",
    "prune-datasets": "remove-datasets",
    "qgraph": "build",
    "verify": "check --deep",
}
"""What those who come from the field's present system may type."""


class PluginGroup(click.Group):
    """A group whose commands are the plugins of ``pantler.commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all installed commands."""
        del ctx
        return plugin_names("commands")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None if there is none of this name."""
        del ctx
        if cmd_name not in plugin_names("commands"):
            return None
        try:
            command: click.Command = load_plugin("commands", cmd_name)
        except PluginError as error:
            return _broken(cmd_name, error)
        return add_options_file(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line, with a hint if it is misspelt."""
        name = args[0]
        if name not in plugin_names("commands") and not name.startswith("-"):
            hint = close_match(name, plugin_names("commands"))
            if name in _CALLED_ELSEWHERE:
                hint = f" Here it is 'pantler {_CALLED_ELSEWHERE[name]}'."
            ctx.fail(f"No command '{name}'.{hint} 'pantler --help' lists them.")
        return super().resolve_command(ctx, args)


def _broken(name: str, error: PluginError) -> click.Command:
    """Return a command that stands for one that cannot be loaded, and says why."""

    def complain() -> None:
        raise error

    return click.Command(
        name,
        callback=complain,
        short_help="(cannot be loaded; run it to see why)",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(
    cls=PluginGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First time here? Try:  pantler demo my-demo",
)
@click.version_option(package_name="pantler", prog_name="pantler")
@click.option(
    "--log-level",
    multiple=True,
    metavar="LEVEL|COMPONENT=LEVEL",
    help="How much to say: critical, error, warning (the default), info, verbose, "
    "debug or trace; of pantler and its tasks, or of one component, such as "
    "pantler.registry=debug; of all programs with .=LEVEL. May be given again.",
)
@click.option("--long-log", is_flag=True, help="Say also when, and where in the code.")
@click.option(
    "--log-file",
    multiple=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Add the log to this file too: as JSON if it is called .json, otherwise as "
    "text. May be given again.",
)
@click.option(
    "--log-tty/--no-log-tty",
    default=True,
    help="Whether to log on standard error.  [default: log-tty]",
)
@click.option(
    "--log-label",
    multiple=True,
    metavar="NAME=VALUE",
    help="Add this to each line of a long log or a log file. May be given again.",
)
@click.option(
    "--options",
    type=click.Path(),
    metavar="FILE",
    help="Take the commands' options from this file, such as pantler.toml: a table a "
    "command, such as [query-datasets]. What the command line says goes before.",
)
@click.pass_context
def cli(
    context: click.Context,
    *,
    log_level: tuple[str, ...],
    long_log: bool,
    log_file: tuple[str, ...],
    log_tty: bool,
    log_label: tuple[str, ...],
    options: str | None,
) -> None:
    """Find data by what they are, and run pipelines on them.

    REPO, in the commands below, is the folder of a repository. For more, with an
    example, type: pantler COMMAND --help.
    """
    from pantler.execution.log_settings import LogSettings

    log = LogSettings.parse(
        log_level, log_label, long=long_log, files=log_file, tty=log_tty
    )
    context.with_resource(log.applied())
    command = context.invoked_subcommand
    if options is not None and command is not None:
        found = cli.get_command(context, command)
        if found is not None:
            names = plugin_names("commands")
            context.default_map = options_of_commands(options, names, command, found)


def main() -> None:
    """Run the command line: the program's entry, and its one border for errors."""
    try:
        status = cli.main(prog_name="pantler", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        status = 130
    except PantlerError as error:
        _say(error)
        status = error.exit_code
    except BrokenPipeError:
        # Whoever read our output has had enough of it, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _say(error: PantlerError) -> None:
    """Print an error, as JSON if that is how results were asked for."""
    words = sys.argv[1:]
    as_json = "--format=json" in words or any(
        pair == ("--format", "json") for pair in itertools.pairwise(words)
    )
    if as_json:
        problem = {"kind": error.kind, "message": str(error)}
        click.echo(json.dumps(problem), err=True)
    else:
        click.echo(f"Error: {safe_text(str(error))}", err=True)
