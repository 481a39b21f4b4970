"""`childproof serve`: a server for clients that can be told to use a proxy, and for networks that lead to it."""

import os
import re
from pathlib import Path

import click

from childproof.model import replace
from childproof.run.config.config import load_config
from childproof.run.config.listen import ADDRESS, Listen

from .options import control_option, metrics_option, policy_options


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
    "--listen",
    multiple=True,
    metavar="URL=STUB",
    help="Answer as one stub at http://HOST:PORT, for clients that take a base URL; several times for several.",
)
@click.option("--anybody", is_flag=True, help="Let --listen take addresses that others can reach.")
@click.option(
    "--report",
    type=click.Choice(["text", "json", "none"]),
    default="text",
    help="How to report at the end [default: text].",
)
@metrics_option
@control_option
def serve(
    *,
    config_file: Path | None,
    rules: tuple[Path, ...],
    stubs: tuple[Path, ...],
    db: str | None,
    world: str,
    http: str | None,
    socks: str | None,
    listen: tuple[str, ...],
    anybody: bool,
    report: str,
    metrics: str | None,
    control: str | None,
) -> None:
    """Listen as an explicit proxy, for redirections, or at the addresses of stubs, until SIGTERM or Ctrl-C.

    Listeners come from childproof.yaml; without any, HTTP is on 127.0.0.1:8080 and SOCKS5 on 127.0.0.1:1080.
    """
    from childproof.run.report.emit import Reporting  # noqa: PLC0415
    from childproof.run.server import serving  # noqa: PLC0415 (heavy: only once it is needed)

    config = load_config(os.environ, Path.cwd(), config_file)
    config = config.override(
        rules=tuple(map(Path.absolute, rules)),
        stubs=tuple(map(Path.absolute, stubs)),
        store=db,
        metrics=metrics,
        control=control,
    )
    for name, address in (("--http", http), ("--socks", socks)):
        if address is not None and (not address.rpartition(":")[0] or not address.rpartition(":")[2].isdigit()):
            raise click.BadParameter(f"{address!r} is not HOST:PORT; write for example 127.0.0.1:8080", param_hint=name)
    stubs_at = tuple(_address_of(written, world, anybody=anybody) for written in listen)
    if http or socks or stubs_at:
        proxies = (Listen(world, http or "", socks or ""),) if http or socks else ()
        config = replace(config, listen=(*proxies, *stubs_at))
    code = serving.serve(config, Reporting(report))  # type: ignore[arg-type]  # the choice is Reporting's own
    raise SystemExit(code)


def _address_of(written: str, world: str, *, anybody: bool) -> Listen:
    """What `--listen` says: the address of one stub. Raises BadParameter."""
    found = re.fullmatch(rf"http://({ADDRESS})/?=([a-z0-9][a-z0-9-]*)", written)
    if found is None:
        expected = "http://HOST:PORT=STUB; write for example http://127.0.0.1:12111=stripe"
        raise click.BadParameter(f"{written!r} is not {expected}", param_hint="--listen")
    return Listen(world, at=found[1], stub=found[3], anybody=anybody)
