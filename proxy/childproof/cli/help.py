"""`childproof help`: what `--help` says, for those who ask in the other order."""

import click

from .main import COMMANDS, cli


@click.command("help")
@click.argument("command", nargs=-1)
def help_(command: tuple[str, ...]) -> None:
    """Show a command's help: `childproof help world fork` is `childproof world fork --help`."""
    if command and command[0] not in COMMANDS:
        raise click.UsageError(f"No such command {command[0]!r}; childproof --help lists them")
    cli.main(args=[*command, "--help"], prog_name="childproof", standalone_mode=False)
