"""`childproof run`: a command, sealed in, and a report at the end."""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import NewFile, control_option, metrics_option, policy_options, world_options
from .token import read_token
from .unasked import say_unasked

if TYPE_CHECKING:
    from childproof.world import ClockSettings


class Run(click.Command):
    """What is missing is nearly always the command, so say how it is written."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As every command; without COMMAND, a message that shows one."""
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            if error.param is None or error.param.name != "command":
                raise
            raise click.UsageError(
                "no command to run; write for example: childproof run -- python agent.py", ctx
            ) from None


@click.command(cls=Run, context_settings={"allow_interspersed_args": False})
@policy_options
@world_options
@click.option(
    "--mode",
    type=click.Choice(["sealed", "env"]),
    default="sealed",
    help="sealed: no way out but through childproof [default]. env: proxy variables only, NOT sealed.",
)
@click.option(
    "--report",
    type=click.Choice(["text", "json", "none"]),
    default="text",
    help="How to report at the end [default: text].",
)
@click.option(
    "--report-to",
    type=NewFile(),
    metavar="FILE",
    help="Write the report there instead of to standard error.",
)
@metrics_option
@control_option
@click.option(
    "--server",
    metavar="unix:PATH",
    help="Be served by a running server of this machine: its rules, stubs and worlds; see docs/many.md.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --server: its token [default: that in CHILDPROOF_CONTROL_TOKEN].",
)
@click.option("--from", "from_", metavar="WORLD", help="With --server: a fork of this world.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND [ARG]...")
def run(
    *,
    config_file: Path | None,
    rules: tuple[Path, ...],
    stubs: tuple[Path, ...],
    db: str | None,
    world: str,
    seed: int,
    clock: "ClockSettings | None",
    mode: str,
    report: str,
    report_to: Path | None,
    metrics: str | None,
    control: str | None,
    server: str | None,
    token_file: Path | None,
    from_: str | None,
    command: tuple[str, ...],
) -> None:
    r"""Run COMMAND sealed in; print afterwards what would have happened.

    The exit code is COMMAND's own, but 1 instead of 0 where a call could not be recorded. Standard input, output,
    errors, signals and the terminal pass through. With --server, a world that is named stays; without --world, the fork
    of --from is thrown away afterwards. CHILDPROOF_SERVER doesn't stand for --server here.

    \b
      childproof run -- python agent.py
      childproof run --world try-3 --rules rules.yaml -- pytest
      childproof run --server unix:control.sock --from main -- python agent.py
    """
    if server is not None:
        _refuse_with_server()
        named = world if from_ is None or _given("world") else None
        clock_text = "real" if clock is None else _written(clock)
        raise SystemExit(_remote(server, token_file, command, named, from_, seed, clock_text, report, report_to))
    if token_file is not None or from_ is not None:
        raise click.UsageError("--token-file and --from go with --server", click.get_current_context())
    if db is None:
        say_unasked(
            "this run is judged and recorded here", "--server URL has it done there, --db FILE says that here is meant"
        )
    gc.disable()  # modules are no garbage: run_command has it on again when all of them are there
    try:
        from childproof.run.report.reportfile import opened  # noqa: PLC0415 (heavy: only once it is needed)
        from childproof.run.session import Session, run_command  # noqa: PLC0415 (likewise)
        from childproof.world import REAL  # noqa: PLC0415 (likewise)

        with opened(report_to) as report_file:
            session = Session(
                command=command,
                environ=dict(os.environ),
                cwd=Path.cwd(),
                config_file=config_file,
                rules=tuple(path.absolute() for path in rules),
                stubs=tuple(path.absolute() for path in stubs),
                db=db,
                metrics=metrics,
                control=control,
                world=world,
                seed=seed,
                clock=clock or REAL,
                report=report,  # type: ignore[arg-type]  # the choice is Session's own
                report_to=report_file,
            )
            code = run_command(session, sealed=mode == "sealed")
    finally:
        gc.enable()  # also where the start failed before that
    raise SystemExit(code)


def _remote(  # noqa: PLR0917 (what the command line said, passed on)
    server: str,
    token_file: Path | None,
    command: tuple[str, ...],
    world: str | None,
    from_: str | None,
    seed: int,
    clock: str,
    report: str,
    report_to: Path | None,
) -> int:
    """Run the command in a sandbox whose calls a server answers."""
    gc.disable()  # as above
    from childproof.run.report.reportfile import opened  # noqa: PLC0415 (likewise)
    from childproof.run.sandboxes.remote import Remote, run_remote  # noqa: PLC0415 (only here)

    token = read_token(token_file)
    with opened(report_to) as report_file:
        return run_remote(
            Remote(
                server, token, command, dict(os.environ), Path.cwd(), world, from_, seed, clock, token_file,
                report, report_file,  # type: ignore[arg-type]  # the choice is Remote's own
            )
        )  # fmt: skip


def _given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source in (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)


def _refuse_with_server() -> None:
    """What only makes sense where this process judges and answers."""
    names = {
        "config_file": "--config",
        "rules": "--rules",
        "stubs": "--stubs",
        "db": "--db",
        "metrics": "--metrics",
        "control": "--control",
        "mode": "--mode",
    }
    given = [option for name, option in names.items() if _given(name)]
    if given:
        verb = "is" if len(given) == 1 else "are"
        raise click.UsageError(
            f"{', '.join(given)} {verb} the server's business, which --server names", click.get_current_context()
        )


def _written(clock: "ClockSettings") -> str:
    from .served import written  # noqa: PLC0415 (where a clock is given)

    return written(clock)
