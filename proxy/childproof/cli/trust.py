"""`childproof trust`: a command whose clients trust childproof, inside a workload that childproof didn't start."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from cryptography import x509

from childproof.errors import CheckError, ChildproofError, InputError, StoreError
from childproof.sandbox.envmode import proxy_variables
from childproof.sandbox.init import NOT_EXECUTABLE, NOT_FOUND
from childproof.sandbox.trust import amending, stores
from childproof.sandbox.trust.amending import Published
from childproof.sandbox.trust.bundles import find_bundles, find_java_stores
from childproof.sandbox.trust.trust import variables


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--ca", "folder", metavar="FOLDER", help=f"Where childproof publishes [default: {amending.USUAL}].")
@click.option("--to", metavar="FOLDER", help="Where the merged bundle goes [default: $TMPDIR, or what can be written].")
@click.option("--proxy", metavar="URL", default="", help="Also set the variables of an explicit proxy.")
@click.option("--java", is_flag=True, help="Also set JAVA_TOOL_OPTIONS; every JVM prints a line about it.")
@click.option("--env-only", is_flag=True, help="Set variables and leave files alone.")
@click.option("--init", "mode", flag_value="init", help="Only write the bundles, as an init step.")
@click.option("--print-env", "mode", flag_value="print", help="Only print the variables, as NAME=value.")
@click.option("--check", "mode", flag_value="check", help="Only tell what is not in place; exit with 6 if anything is.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND [ARG]...]")
def trust(
    *,
    folder: str | None,
    to: str | None,
    proxy: str,
    java: bool,
    env_only: bool,
    mode: str | None,
    command: tuple[str, ...],
) -> None:
    r"""Start COMMAND so that its clients trust childproof's certificates: variables, and the bundles that packages bring.

    Becomes COMMAND: its exit code, signals and output are its own. Where neither Python nor childproof is installed,
    trust.sh in the published folder does the same.

    \b
      childproof trust -- python agent.py
      childproof trust --proxy http://childproof:8080 -- node agent.js
    """
    if not command and mode is None:
        raise click.UsageError("no command; write for example: childproof trust -- python agent.py")
    _refuse_what_is_no_proxy(proxy)
    published = _published(folder)
    words = command or ("true",)
    if mode == "check":
        _check(published, words, files=not env_only)
        return
    out = _folder(to) if to is not None else amending.place_to_write(os.environ)
    merged = published.merge(os.environ, out)
    names = {**variables(published.cert, merged), **amending.wget_settings(os.environ, published)}
    if proxy:
        names |= proxy_variables(proxy.rstrip("/"))
    if java:
        names["JAVA_TOOL_OPTIONS"] = amending.java_options(os.environ, published, proxy)
    if mode == "print":
        for name, value in names.items():
            click.echo(f"{name}={shlex.quote(value)}")
        return
    if not env_only:
        for problem in _amend(published, words, java=java):
            click.echo(f"childproof trust: {problem}", err=True)
    if mode == "init":
        return
    sys.stdout.flush()
    sys.exit(_become(command, {**os.environ, **names}))


def _refuse_what_is_no_proxy(proxy: str) -> None:
    if proxy and not re.fullmatch(r"http://[^/\s@]+:[0-9]{1,5}/?", proxy):
        raise click.BadParameter(
            f"{proxy!r} is no proxy's URL; write for example http://127.0.0.1:8080", param_hint="--proxy"
        )


def _published(folder: str | None) -> Published:
    """The folder that is named, else the usual one, else this machine's own authority."""
    if folder is None and not Path(amending.USUAL, amending.CERT_NAME).exists():
        from childproof.run.config.config import load_config  # noqa: PLC0415 (heavy: only without a sidecar)

        config = load_config(os.environ, Path.cwd())
        folder = str(config.ca.publish or config.state_dir)
    folder = folder or amending.USUAL
    try:
        return Published.read(folder)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError.single(
            f"{folder}/{amending.CERT_NAME}",
            f"can't be read: {said}",
            "the folder where childproof publishes (ca.publish in its configuration)",
            "childproof trust --ca FOLDER -- COMMAND",
        ) from None


def _folder(to: str) -> str:
    try:
        Path(to).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{to}: {error.strerror}; expected a folder that this user may write\n    write: --to FOLDER"
        ) from None
    if not os.access(to, os.W_OK):
        raise StoreError(
            f"{to}: may not be written; expected a folder that this user may write\n    write: --to FOLDER"
        )
    return str(Path(to).absolute())


def _amend(published: Published, command: tuple[str, ...], *, java: bool) -> Iterator[str]:
    for path in find_bundles(command, os.environ, str(Path.cwd())):
        if not published.amend(path):
            yield (
                f"{path} can't be changed, so its clients won't trust childproof; in the image's build or an init step, as a "
                "user who may write it: childproof trust --init"
            )
    yield from _amend_stores(published, java=java)


def _amend_stores(published: Published, *, java: bool) -> Iterator[str]:
    """Java's and Chromium's, which are no PEM files."""
    certificates = [x509.load_pem_x509_certificate(one) for one in published.certificates]
    for store in () if java else map(Path, find_java_stores(os.environ)):
        if not _added_to_java(store, certificates):
            yield (
                f"{store} can't be changed, so Java won't trust childproof; write: --java (it sets JAVA_TOOL_OPTIONS), or "
                f"-Djavax.net.ssl.trustStore={published.folder}/{amending.JAVA_NAME}"
            )
    database, certutil = Path(os.environ.get("HOME", "/nowhere"), ".pki/nssdb"), shutil.which("certutil")
    if database.is_dir():
        try:
            stores.add_to_nss(database, certificates, certutil=certutil or "certutil")
        except ChildproofError:
            yield f"{database} can't be changed, so Chromium won't trust childproof; it takes certutil (libnss3-tools, nss-tools)"


def _added_to_java(store: Path, certificates: list[x509.Certificate]) -> bool:
    keytool = stores.keytool_for(store)
    if keytool is None or not os.access(store, os.W_OK):
        return False
    try:
        stores.add_to_java(store, certificates, keytool=keytool)
    except ChildproofError:
        return False
    return True


def _check(published: Published, command: tuple[str, ...], *, files: bool) -> None:
    if faults := list(_lacking(published, command, files=files)):
        raise CheckError("\n".join(faults))


def _lacking(published: Published, command: tuple[str, ...], *, files: bool) -> Iterator[str]:
    for name, expected in variables(published.cert, f"{published.folder}/{amending.BUNDLE_NAME}").items():
        value = os.environ.get(name, "")
        if not expected.startswith("/"):
            continue
        if not value:
            yield f"{name} is not set; write: childproof trust -- COMMAND"
        elif not published.trusted_in(value):
            yield f"{name} names {value}, which lacks the certificate; write: {name}={expected}"
    for path in find_bundles(command, os.environ, str(Path.cwd())) if files else ():
        if not published.trusted_in(path):
            yield f"{path} lacks the certificate; write, as a user who may change it: childproof trust --init"


def _become(command: tuple[str, ...], env: dict[str, str]) -> int:
    try:
        os.execvpe(command[0], command, env)  # noqa: S606 (to become the command is what this is for)
    except FileNotFoundError:
        click.echo(f"childproof: {command[0]}: command not found", err=True)
        return NOT_FOUND
    except OSError as error:
        click.echo(f"childproof: {command[0]}: {(error.strerror or str(error)).lower()}", err=True)
        return NOT_EXECUTABLE
