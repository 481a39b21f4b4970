"""Options that several commands share, and how their texts become values."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from childproof.world import ClockSettings

_ADDRESS = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[^:\s]+):[0-9]{1,5}")
Decorated = Callable[..., Any]


# Whether it is there and can be read shows when it is read, which says more than click would.
FILE = click.Path(path_type=Path, readable=False)


class NewFile(click.Path):
    """A file to write, told before anything starts whether it can be."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or fail with what is in the way."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.is_dir():
            self.fail(f"{path} is a folder; write for example {path / 'report.txt'}", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"there is no folder {path.parent}; make it, or write to another one", param, ctx)
        if path.exists() and not os.access(path, os.W_OK):
            self.fail(f"{path} may not be written; choose another file", param, ctx)
        if not path.exists() and not os.access(path.parent, os.W_OK | os.X_OK):
            self.fail(f"the folder {path.parent} may not be written; choose another one", param, ctx)
        return path


_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_AGO_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Address(click.ParamType[str]):
    """HOST:PORT, with brackets around an IPv6 address."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is, or fail with an example."""
        if not _ADDRESS.fullmatch(value) or int(value.rpartition(":")[2]) > 65535:
            self.fail(f"{value!r} is not HOST:PORT; write for example 127.0.0.1:9464", param, ctx)
        return str(value)


def metrics_option(command: Decorated) -> Decorated:
    """--metrics, for the commands that run."""
    return click.option(
        "--metrics",
        type=Address(),
        metavar="HOST:PORT",
        help="Answer Prometheus there while it runs, at /metrics [default: nowhere].",
    )(command)


def control_option(command: Decorated) -> Decorated:
    """--control, for the commands that run."""
    return click.option(
        "--control",
        type=_Place(),
        metavar="ADDRESS",
        help="Answer the control API there while it runs: HOST:PORT or unix:PATH [default: nowhere].",
    )(command)


class _Place(Address):
    """HOST:PORT, or a unix socket."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is, or fail with an example."""
        if re.fullmatch(r"unix:\S.*", value):
            return str(value)
        if not _ADDRESS.fullmatch(value):
            self.fail(f"{value!r} is neither HOST:PORT nor unix:PATH; write for example 127.0.0.1:15000", param, ctx)
        return super().convert(value, param, ctx)


class Clock(click.ParamType["ClockSettings"]):
    """`real`, `frozen@TIME`, `step@TIME` or `step:5s@TIME`, with TIME in ISO 8601; `@TIME` alone starts a real clock."""

    name = "clock"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "ClockSettings":
        """Parse, or fail with the spellings there are."""
        from childproof.world import ClockSettings  # noqa: PLC0415 (80 ms, which not every command has to take)
        from childproof.world.written import read_clock  # noqa: PLC0415 (likewise)

        if isinstance(value, ClockSettings):
            return value
        try:
            return read_clock(str(value))
        except ValueError as error:
            self.fail(f"{error}; write real, frozen@2026-01-05T09:00:00Z or step:1s@…", param, ctx)


class Since(click.ParamType[int]):
    """A time in ISO 8601, or how long ago: `90s`, `10m`, `2h`, `3d`. Unix milliseconds."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse, or fail with the spellings there are."""
        if isinstance(value, int):
            return value
        ago = _AGO.fullmatch(value)
        if ago is not None:
            from childproof.run.compose import wall_clock  # noqa: PLC0415 (the engine's imports: only where time matters)

            return wall_clock() - int(ago[1]) * _AGO_UNITS[ago[2]]
        try:
            return milliseconds(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time; write for example 2026-01-05T09:00:00Z, or 10m for that long ago", param, ctx
            )


_SPAN = re.compile(r"([0-9]{1,9})([smhd]?)")


class Span(click.ParamType[int]):
    """How long: `600` seconds, `90s`, `10m`, `2h`, `3d`. Seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse, or fail with the spellings there are."""
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no time span; write for example 600, 90s, 10m, 2h or 3d", param, ctx)
        return int(found[1]) * _AGO_UNITS[found[2] or "s"] // 1000


def milliseconds(text: str) -> int:
    """ISO 8601 as unix milliseconds; UTC where it names no zone. Raises ValueError."""
    from childproof.world.written import read_time  # noqa: PLC0415 (likewise)

    return read_time(text)


def stubs_option(command: Decorated) -> Decorated:
    """--stubs: folders besides the shipped stubs, as `stubs`."""
    return click.option(
        "--stubs",
        multiple=True,
        type=FILE,
        metavar="DIR",
        help="A stub, or a folder of stubs, besides the shipped ones. May be given again.",
    )(command)


def rules_option(command: Decorated) -> Decorated:
    """--rules: files instead of the configured ones, as `rules`."""
    return click.option(
        "--rules",
        multiple=True,
        type=FILE,
        metavar="FILE",
        help="A rule file instead of the configured ones. May be given again; first match wins.",
    )(command)


def policy_options(command: Decorated) -> Decorated:
    """--config, --rules, --stubs and --db: what every command that judges calls takes."""
    for option in (
        click.option("--db", metavar="FILE", help="The database of worlds and ledger [default: childproof.db]."),
        stubs_option,
        rules_option,
        click.option(
            "--config",
            "config_file",
            type=FILE,
            metavar="FILE",
            help="The configuration [default: childproof.yaml, where there is one].",
        ),
    ):
        command = option(command)
    return command


def world_options(command: Decorated) -> Decorated:
    """--world, --seed and --clock."""
    for option in (
        click.option(
            "--clock",
            type=Clock(),
            metavar="CLOCK",
            help="A new world's clock: real, frozen@TIME, step:1s@TIME [default: real].",
        ),
        click.option(
            "--seed", type=int, default=0, metavar="N", help="A new world's seed for ids and randomness [default: 0]."
        ),
        click.option(
            "--world",
            default="main",
            envvar="CHILDPROOF_WORLD",
            metavar="NAME",
            help="The world whose state the command sees [default: main]; made if new.",
        ),
    ):
        command = option(command)
    return command
