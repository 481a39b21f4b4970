"""`childproof`: the entry point, its commands found on first use so that starting stays quick."""

import importlib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from childproof import __version__
from childproof.errors import BUG, ChildproofError, InputError

from .streams import OUTPUT_REFUSED, prepare_streams

# command -> (module, attribute, one line for --help), in the order in which one gets to know them; a module is
# imported only when its command runs.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("childproof.cli.run", "run", "Run a command sealed in; print afterwards what would have happened."),
    "report": ("childproof.cli.report", "report", "Say again what would have happened, over all calls of a world."),
    "log": ("childproof.cli.log", "log", "List the calls of a world."),
    "show": ("childproof.cli.show", "show", "Show one call in full: request, reply, changes, effects."),
    "mail": ("childproof.cli.mail", "mail", "Read the mail that a world would have sent."),
    "world": ("childproof.cli.world", "world", "Fork, compare, reset, export and import worlds; set their clocks."),
    "rules": ("childproof.cli.rules", "rules", "Check, explain and test rule files; see and replace a server's."),
    "stubs": ("childproof.cli.stubs", "stubs", "List, check, start and derive stubs."),
    "sandbox": ("childproof.cli.sandbox", "sandbox", "Make, list, renew and delete sandboxes of a running server."),
    "webhooks": ("childproof.cli.webhooks", "webhooks", "List a world's webhooks; send them again."),
    "doctor": ("childproof.cli.doctor", "doctor", "Report what this machine supports and which clients trust us."),
    "serve": (
        "childproof.cli.serve",
        "serve",
        "Serve clients, sandboxes and pods as childproof.yaml says, until it is stopped.",
    ),
    "init": (
        "childproof.cli.init",
        "init",
        "Redirect this network namespace (a pod's) to the proxy; before it starts.",
    ),
    "health": ("childproof.cli.health", "health", "Ask a running server whether it is ready; for HEALTHCHECK lines."),
    "trust": ("childproof.cli.trust", "trust", "Start a command that trusts childproof's certificates."),
    "ca": ("childproof.cli.ca", "ca", "Show, print, install and rotate the certificate authority."),
    "addon": ("childproof.cli.addon", "addon", "Print the path of the script for a stock mitmdump or mitmweb."),
    "schema": ("childproof.cli.schema", "schema", "Print the JSON Schema of a file format, for editors."),
    "help": ("childproof.cli.help", "help_", "Show a command's help: help run, help world fork."),
}


class LazyGroup(click.Group):
    """A click group that imports a command's module only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None lets click print its own message, with suggestions."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return with_examples(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for a mistyped one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib  # noqa: PLC0415 (3 ms, for those who mistyped)

            hint = ""
            if nearest := difflib.get_close_matches(args[0], COMMANDS, n=1):
                hint = f" Did you mean: childproof {nearest[0]}"
            elif not args[0].startswith("-"):
                hint = f" To run it sealed in: childproof run -- {shlex.join(args)}"
            raise click.UsageError(f"{error.message}{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in --help, from the table, without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


def with_examples(command: click.Command) -> click.Command:
    """A command whose help, and that of those below it, keeps its examples as they were written.

    Click asks for a backspace before a paragraph to be left alone; docstrings spell it as two characters.
    """
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
        # The first sentence, whole: a list of commands wraps it, where click would cut it.
        command.short_help = command.short_help or command.get_short_help_str(limit=1000)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            with_examples(below)
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="childproof")
def cli() -> None:
    """The child-proof egress layer for AI-agent sandboxes.

    Every outbound call is judged by rules; dangerous ones are answered by stateful fakes; nothing real happens.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Exit codes are those of `childproof.errors`, and 130 after Ctrl-C."""
    prepare_streams()
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        sys.exit(cli.main(args=arguments, prog_name="childproof", standalone_mode=False) or 0)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except InputError as error:
        here = f"{Path.cwd()}/"
        for fault in error.faults:
            # A path that was made absolute reads as the user wrote it.
            print(replace(fault, file=fault.file.removeprefix(here)), file=sys.stderr)
        count = len(error.faults)
        started = ", nothing was started" if {"run", "serve"} & set(arguments[:1]) else ""
        print(f"childproof: {count} fault{'s' if count != 1 else ''}{started}", file=sys.stderr)
        sys.exit(error.exit_code)
    except ChildproofError as error:
        from childproof.model.text import printable  # noqa: PLC0415 (nothing is wrong as a rule)

        print(f"childproof: {printable(str(error), lines=True)}", file=sys.stderr)  # a server's words may be anybody's
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno in OUTPUT_REFUSED:
            raise  # where the output can't be written (see `entry`)
        _bug(error)
    except Exception as error:  # noqa: BLE001 (a bug of ours: said, and with an exit code of its own)
        _bug(error)


def _bug(error: Exception) -> None:
    """One line for people, and the traceback for those who ask: it may hold what is nobody's business."""
    from childproof.ledger.redaction import redact  # noqa: PLC0415 (nothing is wrong as a rule)

    if os.environ.get("CHILDPROOF_DEBUG"):
        print(redact("".join(traceback.format_exception(error))), file=sys.stderr, end="")
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    print(
        f"childproof: a bug of ours: {redact(f'{type(error).__name__}: {error}')} ({place}); please report it with what "
        "CHILDPROOF_DEBUG=1 prints",
        file=sys.stderr,
    )
    sys.exit(BUG)
