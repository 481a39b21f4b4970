"""`childproof health`: what a probe asks, for images that have no client of their own."""

import http.client
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from childproof.errors import InputError
from childproof.model.text import printable

from .options import FILE

SECONDS = 3.0
_MOST = 64 * 1024


@click.command()
@click.option("--url", metavar="URL", help="What to ask [default: /readyz at the configuration's health address].")
@click.option(
    "--config",
    "config_file",
    type=FILE,
    envvar="CHILDPROOF_CONFIG",
    help="The configuration file [default: childproof.yaml].",
)
def health(*, url: str | None, config_file: Path | None) -> None:
    r"""Ask a running `childproof serve` whether it is ready. Exit code 0 where it is, 1 where it isn't or doesn't answer.

    \b
    childproof health
    childproof health --url http://127.0.0.1:15021/healthz
    """
    asked = url or _configured(config_file)
    parts = urlsplit(asked)
    if parts.scheme != "http" or not parts.hostname:
        raise click.BadParameter(f"{asked!r} is no http:// URL; write for example http://127.0.0.1:15021/readyz")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=SECONDS)
    try:
        connection.request("GET", parts.path or "/readyz")
        reply = connection.getresponse()
        text = reply.read(_MOST).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"childproof: {asked} doesn't answer: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        connection.close()
    print(printable(text))
    raise SystemExit(0 if reply.status == 200 else 1)


def _configured(file: Path | None) -> str:
    """Where the configuration says that probes are answered. Raises InputError where it doesn't."""
    from childproof.run.config.config import load_config, split_address  # noqa: PLC0415 (an address needs no configuration)

    config = load_config(os.environ, Path.cwd(), file)
    if not config.health:
        raise InputError.single("health", "no address in the configuration", "HOST:PORT", "health: 127.0.0.1:15021")
    host, port = split_address(config.health)
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (everywhere is here too)
    return f"http://[{here}]:{port}/readyz" if ":" in here else f"http://{here}:{port}/readyz"
