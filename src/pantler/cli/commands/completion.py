"""``pantler completion``."""

from __future__ import annotations

import click

_WHERE = {
    "bash": 'Add to ~/.bashrc:  eval "$(pantler completion bash)"',
    "zsh": 'Add to ~/.zshrc:  eval "$(pantler completion zsh)"',
    "fish": "Add to ~/.config/fish/config.fish:  pantler completion fish | source",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands.

    \b
    Example:
      pantler completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if found is None:
        raise click.UsageError(f"Nothing is known of the shell '{shell}'.")
    maker = found(root.command, {}, "pantler", "_PANTLER_COMPLETE")
    click.echo(f"# {_WHERE[shell]}")
    click.echo(maker.source())
