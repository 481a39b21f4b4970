"""`childproof ca`: the authority that sandboxes trust: look at it, hand it out, replace it."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from childproof.errors import ChildproofError, StoreError
from childproof.model import replace

from .options import FILE

if TYPE_CHECKING:
    from childproof.run.authority import Authority
    from childproof.run.config.config import Config

_CONFIG = click.option(
    "--config",
    "config_file",
    type=FILE,
    metavar="FILE",
    help="The configuration [default: childproof.yaml, where there is one].",
)
_JAVA = click.option(
    "--java",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A JDK's cacerts, instead of the system's store. May be given again.",
)
_NSS = click.option("--nss", is_flag=True, help="Chromium's database, ~/.pki/nssdb, instead of the system's store.")


@click.group()
def ca() -> None:
    """Show, print, install and rotate the certificate authority that sandboxes trust."""


@ca.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def show(*, config_file: Path | None, as_json: bool) -> None:
    """Tell whose certificates sandboxes get: fingerprint, validity, where it is kept."""
    from childproof.capture.mitm.ca import fingerprint  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.capture.mitm.rotation import stage  # noqa: PLC0415

    config = _config(config_file)
    authority = _authority(config)
    found = authority.ca
    one = found.certificate
    mounted = config.ca.cert is not None
    facts: dict[str, Any] = {
        "subject": one.subject.rfc4514_string(),
        "sha256": fingerprint(one),
        "valid_from": f"{one.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
        "valid_until": f"{one.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        "key": str(found.key_pem),
        "certificate": str(found.cert_pem),
        "trusted": [fingerprint(root) for root in found.trusted],
        "origin": "mounted" if mounted else "made by childproof",
        "rotation": None if mounted else str(stage(config.state_dir)),
        "published": str(config.ca.publish) if config.ca.publish else None,
        "warning": authority.warning or None,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if value:
            text = "\n             ".join(value) if isinstance(value, list) else value
            click.echo(f"{name.replace('_', ' '):<12} {text}")


@ca.command("print")
@_CONFIG
@click.option("--bundle", is_flag=True, help="With the machine's own roots before it.")
def print_(*, config_file: Path | None, bundle: bool) -> None:
    """Print the certificate to trust as PEM; never the key."""
    from childproof.run.authority import open_ca  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.sandbox.trust.trust import Bundles, system_roots  # noqa: PLC0415

    public = open_ca(_config(config_file)).public
    click.echo((Bundles.build(public, system_roots()).merged if bundle else public).decode(), nl=False)


@ca.command()
@click.option(
    "--cert",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The authority's certificate; its key isn't needed.",
)
@click.argument("folder", type=click.Path(path_type=Path))
def publish(*, cert: Path, folder: Path) -> None:
    """Write what a workload needs to trust a mounted authority into FOLDER: for workloads whose proxy is elsewhere."""
    from childproof.capture.mitm.ca import pem  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.capture.mitm.mounted import read_public  # noqa: PLC0415
    from childproof.run.authority import publish_public  # noqa: PLC0415

    publish_public(pem(read_public(cert)), folder)
    click.echo(f"published in {folder}")


@ca.command()
@_CONFIG
@_JAVA
@_NSS
def install(*, config_file: Path | None, java: tuple[Path, ...], nss: bool) -> None:
    """Have this machine trust the authority: the system's store, for which it takes root, or the ones that are named."""
    from childproof.run.authority import open_ca  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.sandbox.trust import stores  # noqa: PLC0415

    config = _config(config_file)
    certificates = open_ca(config).trusted
    if not java and not nss:
        with _root_may(config, "install"):
            files, layout = stores.install_system(certificates)
        _tell("installed", files)
        click.echo(f"ran {' '.join(layout.command)} ({layout.family})")
        database = _database()
        if database is None or not database.exists() or not shutil.which("certutil"):
            return
        nss = True
    for store in java:
        stores.add_to_java(store, certificates, keytool=_tool("keytool", stores.keytool_for(store)))
        click.echo(f"installed in {store}")
    if nss:
        folder = _database()
        if folder is None:
            raise ChildproofError("this user has no home folder\n    write: HOME=/home/me childproof ca install --nss")
        stores.add_to_nss(folder, certificates, certutil=_tool("certutil", shutil.which("certutil")))
        click.echo(f"installed in {folder}")


@ca.command()
@_CONFIG
@_JAVA
@_NSS
def uninstall(*, config_file: Path | None, java: tuple[Path, ...], nss: bool) -> None:
    """Take out again what `install` put in."""
    from childproof.run.authority import open_ca  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.sandbox.trust import stores  # noqa: PLC0415

    config = _config(config_file)
    certificates = open_ca(config).trusted
    if not java and not nss:
        with _root_may(config, "uninstall"):
            files, layout = stores.uninstall_system()
        _tell("removed", files)
        click.echo(
            f"ran {' '.join(layout.command)} ({layout.family})" if files else "nothing of childproof's was installed"
        )
    for store in java:
        stores.remove_from_java(store, certificates, keytool=_tool("keytool", stores.keytool_for(store)))
        click.echo(f"removed from {store}")
    folder = _database()
    if nss and folder is not None:
        stores.remove_from_nss(folder, certificates, certutil=_tool("certutil", shutil.which("certutil")))
        click.echo(f"removed from {folder}")


@ca.command()
@click.argument("step", required=False, type=click.Choice(["prepare", "switch", "retire"]))
@_CONFIG
def rotate(*, config_file: Path | None, step: str | None) -> None:
    r"""Replace the authority in three steps, each of which may be repeated; without STEP, tell where that stands.

    \b
      prepare   make the next one, and have both trusted by every workload
      switch    sign with the next one from now on, for new connections
      retire    no longer have the old one trusted
    """
    from childproof.capture.mitm.ca import fingerprint  # noqa: PLC0415 (heavy: only once it is needed)
    from childproof.capture.mitm.rotation import NEXT_STEP, stage  # noqa: PLC0415
    from childproof.capture.mitm.rotation import rotate as do  # noqa: PLC0415
    from childproof.run.authority import publish  # noqa: PLC0415

    config = _config(config_file)
    if config.ca.cert is not None:
        raise ChildproofError(
            f"the authority is mounted from {config.ca.cert}, and whoever made it rotates it: add the next certificate to "
            "that file, later replace both files, then leave the old certificate out; a running proxy takes each over"
        )
    if step is not None:
        found, new = do(config.state_dir, step)
        if config.ca.publish is not None:
            publish(found, config.ca.publish)
        click.echo(f"{step}: {'done' if new else 'was done already'}")
        click.echo(f"signing      {fingerprint(found.certificate)}")
        for number, one in enumerate(found.trusted):
            click.echo(f"{'' if number else 'trusted':<12} {fingerprint(one)}")
    present = stage(config.state_dir)
    click.echo(f"{present}; next: childproof ca rotate {NEXT_STEP[present]}")


def _config(file: Path | None) -> "Config":
    from childproof.run.config.config import load_config  # noqa: PLC0415 (heavy: only once it is needed)

    return load_config(os.environ, Path.cwd(), file)


def _authority(config: "Config") -> "Authority":
    """The authority without publishing it: looking changes nothing."""
    from childproof.run.authority import Authority  # noqa: PLC0415 (heavy: only once it is needed)

    return Authority(replace(config, ca=replace(config.ca, publish=None)))


@contextmanager
def _root_may(config: "Config", command: str) -> Iterator[None]:
    """Who may not write to the system's store is told how root does it with this authority: root's own is another one."""
    try:
        yield
    except StoreError as error:
        named = f" --config {config.origin.file.absolute()}" if config.origin is not None else ""
        again = f"sudo env CHILDPROOF_STATE={config.state_dir} childproof ca {command}{named}"
        raise StoreError(f"{error}\n    write: {again}") from None


def _tell(done: str, files: list[Path]) -> None:
    for file in files:
        click.echo(f"{done} {file}")


def _tool(name: str, found: str | None) -> str:
    if found is None:
        package = {"keytool": "a JRE", "certutil": "libnss3-tools (Debian), nss-tools (Red Hat, Alpine)"}[name]
        raise ChildproofError(f"{name} isn't there; expected it on PATH: it comes with {package}")
    return found


def _database() -> Path | None:
    home = os.environ.get("HOME", "")
    return Path(home, ".pki", "nssdb") if home.startswith("/") else None
