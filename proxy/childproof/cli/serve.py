"""`childproof serve`: the explicit proxy, for clients that can be told to use one."""

import os
from dataclasses import replace
from pathlib import Path

import click

from childproof.run.config import Listen, load_config

from .options import metrics_option, policy_options


@click.command()
@policy_options
@click.option(
    "--world",
    default="main",
    envvar="CHILDPROOF_WORLD",
    metavar="NAME",
    help="The world of the listeners given by --http and --socks [default: main].",
)
@click.option("--http", metavar="HOST:PORT", help="Listen here for HTTP CONNECT and plain HTTP proxying.")
@click.option("--socks", metavar="HOST:PORT", help="Listen here for SOCKS5.")
@click.option(
    "--report",
    type=click.Choice(["text", "json", "none"]),
    default="text",
    help="How to report at the end [default: text].",
)
@metrics_option
def serve(
    *,
    config_file: Path | None,
    rules: tuple[Path, ...],
    stubs: tuple[Path, ...],
    db: str | None,
    world: str,
    http: str | None,
    socks: str | None,
    report: str,
    metrics: str | None,
) -> None:
    """Listen as an explicit HTTP and SOCKS5 proxy until interrupted.

    Listeners come from childproof.yaml; without any, HTTP is on 127.0.0.1:8080 and SOCKS5 on 127.0.0.1:1080.
    """
    from childproof.run import serving  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.run.emit import Reporting  # noqa: PLC0415

    config = load_config(os.environ, Path.cwd(), config_file)
    config = config.override(
        rules=tuple(map(Path.absolute, rules)), stubs=tuple(map(Path.absolute, stubs)), store=db, metrics=metrics
    )
    for name, address in (("--http", http), ("--socks", socks)):
        if address is not None and (not address.rpartition(":")[0] or not address.rpartition(":")[2].isdigit()):
            raise click.BadParameter(f"{address!r} is not HOST:PORT; write for example 127.0.0.1:8080", param_hint=name)
    if http or socks:
        config = replace(config, listen=(Listen(world, http or "", socks or ""),))
    code = serving.serve(config, Reporting(report))  # type: ignore[arg-type]  # the choice is Reporting's own
    raise SystemExit(code)
