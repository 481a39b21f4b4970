"""Stores that hold certificates in ways of their own: the system's, Java's key stores, the NSS database of Chromium."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from childproof.errors import ChildproofError, StoreError

type Run = Callable[[Sequence[str]], None]

_PASSWORD = "changeit"  # noqa: S105 (every JDK's: it guards against typos)
_PREFIX = "childproof-"


class Layout(msgspec.Struct, frozen=True):
    """How a family of systems takes authorities: a folder for them, their files' ending, and the command that merges."""

    family: str
    folder: str
    ending: str
    command: tuple[str, ...]


# The first whose folder is there. SUSE's and Debian's command have one name, so the folder tells.
LAYOUTS = (
    Layout("SUSE", "/etc/pki/trust/anchors", ".pem", ("update-ca-certificates",)),
    Layout("Red Hat", "/etc/pki/ca-trust/source/anchors", ".pem", ("update-ca-trust", "extract")),
    Layout("Arch", "/etc/ca-certificates/trust-source/anchors", ".crt", ("update-ca-trust",)),
    Layout("Debian, Ubuntu, Alpine", "/usr/local/share/ca-certificates", ".crt", ("update-ca-certificates",)),
)


def run_tool(command: Sequence[str]) -> None:
    """Run a program of the system. Raises ChildproofError with its own words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        raise ChildproofError(f"{command[0]} can't be run: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ChildproofError(f"{' '.join(command[:2])} failed: {said}")


def layout_of(root: Path = Path("/")) -> Layout:
    """How this system takes authorities. Raises ChildproofError with what to do where it is none of these."""
    for layout in LAYOUTS:
        if (root / layout.folder[1:]).is_dir():
            return layout
    if shutil.which("update-ca-certificates"):
        return LAYOUTS[-1]
    if shutil.which("security"):
        raise ChildproofError(
            "macOS keeps authorities in its keychain\n    write: childproof ca print > childproof-ca.pem && sudo security "
            "add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain childproof-ca.pem"
        )
    folders = ", ".join(layout.folder for layout in LAYOUTS)
    raise ChildproofError(
        f"this system has no store that childproof knows ({folders}); expected the package ca-certificates\n"
        "    write: childproof ca print --bundle > bundle.pem, and SSL_CERT_FILE=bundle.pem"
    )


def install_system(
    certificates: Sequence[x509.Certificate], *, root: Path = Path("/"), run: Run = run_tool
) -> tuple[list[Path], Layout]:
    """Make these, and no others of ours, the system's. The files, and how it was done. Raises StoreError, ChildproofError."""
    layout = layout_of(root)
    folder = root / layout.folder[1:]
    wanted = {folder / f"{_name(one)}{layout.ending}": one for one in certificates}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in _installed(folder, layout):
            if path not in wanted:
                path.unlink()
        for path, one in wanted.items():
            path.write_bytes(one.public_bytes(serialization.Encoding.PEM))
            path.chmod(0o644)
    except OSError as error:
        raise _unwritable(folder, error) from None
    run(layout.command)
    return list(wanted), layout


def uninstall_system(*, root: Path = Path("/"), run: Run = run_tool) -> tuple[list[Path], Layout]:
    """Take out of the system's store what `install_system` put in. The files that are gone."""
    layout = layout_of(root)
    folder = root / layout.folder[1:]
    gone = _installed(folder, layout)
    try:
        for path in gone:
            path.unlink()
    except OSError as error:
        raise _unwritable(folder, error) from None
    if gone:
        run(layout.command)
    return gone, layout


def add_to_java(store: Path, certificates: Sequence[x509.Certificate], *, keytool: str, run: Run = run_tool) -> None:
    """Have a JDK's key store trust these. What it has already stays. Raises ChildproofError."""
    for one in certificates:
        given = ("-keystore", str(store), "-storepass", _PASSWORD, "-alias", _name(one))
        try:
            run((keytool, "-list", *given))
        except ChildproofError:
            with _file(one) as path:
                run((keytool, "-importcert", "-noprompt", *given, "-file", path))


def remove_from_java(
    store: Path, certificates: Sequence[x509.Certificate], *, keytool: str, run: Run = run_tool
) -> None:
    """Take these out of a JDK's key store. Raises ChildproofError."""
    for one in certificates:
        run((keytool, "-delete", "-keystore", str(store), "-storepass", _PASSWORD, "-alias", _name(one)))


def add_to_nss(folder: Path, certificates: Sequence[x509.Certificate], *, certutil: str, run: Run = run_tool) -> None:
    """Have an NSS database trust these as authorities of servers; it is made where there is none. Raises ChildproofError."""
    if not (folder / "cert9.db").exists():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from None
        run((certutil, "-d", f"sql:{folder}", "-N", "--empty-password"))
    for one in certificates:
        with _file(one) as path:
            run((certutil, "-d", f"sql:{folder}", "-A", "-t", "C,,", "-n", _name(one), "-i", path))


def remove_from_nss(
    folder: Path, certificates: Sequence[x509.Certificate], *, certutil: str, run: Run = run_tool
) -> None:
    """Take these out of an NSS database. Raises ChildproofError."""
    for one in certificates:
        run((certutil, "-d", f"sql:{folder}", "-D", "-n", _name(one)))


def keytool_for(store: Path) -> str | None:
    """The keytool of the JDK that the store belongs to, else the one on PATH."""
    for home in (store.parents[2:4]) if store.parent.name == "security" else ():
        if os.access(home / "bin" / "keytool", os.X_OK):
            return str(home / "bin" / "keytool")
    return shutil.which("keytool")


def _installed(folder: Path, layout: Layout) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}[0-9a-f]*{layout.ending}"))


def _name(certificate: x509.Certificate) -> str:
    return _PREFIX + certificate.fingerprint(hashes.SHA256()).hex()[:16]


@contextmanager
def _file(certificate: x509.Certificate) -> Iterator[str]:
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        yield file.name


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"{folder}: {error.strerror}; expected a user who may write there")
