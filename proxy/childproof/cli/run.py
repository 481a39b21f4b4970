"""`childproof run`: a command, sealed in, and a report at the end."""

import gc
import os
from pathlib import Path

import click

from .options import NewFile, metrics_option, policy_options, world_options


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
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND [ARG]...")
def run(
    *,
    config_file: Path | None,
    rules: tuple[Path, ...],
    stubs: tuple[Path, ...],
    db: str | None,
    world: str,
    seed: int,
    clock: object,
    mode: str,
    report: str,
    report_to: Path | None,
    metrics: str | None,
    command: tuple[str, ...],
) -> None:
    r"""Run COMMAND sealed in; print afterwards what would have happened.

    The exit code is COMMAND's own, but 1 instead of 0 where a call could not be recorded. Standard input, output,
    errors, signals and the terminal pass through.

    \b
      childproof run -- python agent.py
      childproof run --world try-3 --rules rules.yaml -- pytest
    """
    gc.disable()  # modules are no garbage: run_command has it on again when all of them are there
    try:
        from childproof.run.reportfile import opened  # noqa: PLC0415 (heavy: only once it is needed)
        from childproof.run.session import Session, run_command  # noqa: PLC0415 (likewise)

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
                world=world,
                seed=seed,
                clock=clock,  # type: ignore[arg-type]  # Clock.convert makes it a ClockSettings
                report=report,  # type: ignore[arg-type]  # the choice is Session's own
                report_to=report_file,
            )
            code = run_command(session, sealed=mode == "sealed")
    finally:
        gc.enable()  # also where the start failed before that
    raise SystemExit(code)
