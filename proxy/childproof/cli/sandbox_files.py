"""The variables of a sandbox for a shell, and the certificate files that they name: kept by what is in them, written once."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from childproof.control.messages_sandboxes import MadeSandbox
from childproof.errors import StoreError
from childproof.sandbox.trust.amending import place_to_write
from childproof.sandbox.trust.trust import Bundles, system_roots


def environment(made: MadeSandbox, folder: Path | None) -> dict[str, str]:
    """A sandbox's variables, with its certificates in files of `folder`, by default one of this user's own. Raises StoreError.

    All sandboxes of a server share the files, so nobody has to remove them.
    """
    bundles = Bundles.build(made.ca.encode(), system_roots())
    place = folder or _usual()
    bare, merged = _kept(place, "ca", bundles.bare), _kept(place, "bundle", bundles.merged)
    return made.variables(bare, merged)


def _usual() -> Path:
    found = place_to_write(os.environ)
    if found is None:
        raise StoreError("there is no folder that this user may write; expected one\n    write: --to FOLDER")
    return Path(found)


def _kept(folder: Path, name: str, content: bytes) -> str:
    """The path of a file with this content."""
    path = folder.absolute() / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.pem"
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return str(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as undo:
            descriptor, draft = tempfile.mkstemp(
                dir=folder, prefix=".childproof."
            )  # a name that nobody can know before
            undo.callback(Path(draft).unlink, missing_ok=True)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o644)
                file.write(content)
            Path(draft).replace(path)
    except OSError as error:
        raise StoreError(
            f"{folder}: {error.strerror}; expected a folder that this user may write\n    write: --to FOLDER"
        ) from None
    return str(path)
