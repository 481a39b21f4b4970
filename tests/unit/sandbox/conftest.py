"""Running commands in real sealed sandboxes, as this user and, for root, as `nobody` too."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DRIVER = Path(__file__).with_name("driver.py")
NOBODY = 65534


@dataclass(frozen=True)
class Outcome:
    code: int | None
    out: str
    err: str
    tcp: list
    dns: list
    refused: list
    error: str | None
    started: bool
    connected: list = field(default_factory=list)


@dataclass(frozen=True)
class Sealer:
    """Runs commands sealed as one user; `python` is an interpreter which that user can start."""

    uid: int | None
    python: str
    folder: Path

    def order(
        self,
        command: Sequence[str],
        result: int,
        *,
        hidden: Sequence[str] = (),
        read_only=(),
        env=None,
        cwd=None,
        connect=(),
    ) -> list[str]:
        order = {
            "uid": self.uid,
            "command": list(command),
            "hidden": [str(path) for path in hidden],
            "read_only": [str(path) for path in read_only],
            "env": {"HOME": str(self.folder), **(env or {})},
            "cwd": str(cwd or self.folder),
            "ca": str(self.folder / "ca.pem"),
            "result": result,
            "connect": list(connect),
        }
        return [sys.executable, str(DRIVER), json.dumps(order)]

    def run(self, *command: str, stdin: str = "", **more) -> Outcome:
        reading, writing = os.pipe()
        with os.fdopen(reading) as result:
            process = subprocess.Popen(
                self.order(command, writing, **more),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(writing,),
                text=True,
            )
            os.close(writing)
            try:
                out, err = process.communicate(stdin, timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            text = result.read()
        assert text, err
        seen = json.loads(text)
        return Outcome(
            seen["code"],
            out,
            err,
            seen["tcp"],
            seen["dns"],
            seen["refused"],
            seen["error"],
            seen["started"],
            seen["connected"],
        )

    def script(self, source: str, **more) -> Outcome:
        """Run Python inside; the script prints what the test asserts."""
        return self.run(self.python, "-c", "import os, socket, sys\n" + textwrap.dedent(source), **more)


def _users() -> list[str]:
    return ["root", "nobody"] if os.getuid() == 0 else ["self"]


@pytest.fixture(scope="session", params=_users())
def sealer(request: pytest.FixtureRequest) -> Iterator[Sealer]:
    # In a process of its own: the test runner has threads, and a fork of it might not get far.
    asking = "from childproof.sandbox.support import sealing_refusal; print(sealing_refusal())"
    reason = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=True).stdout.strip()
    if reason:
        pytest.skip(reason)
    uid, python = None, sys.executable
    if request.param == "nobody":
        uid = NOBODY
        found = shutil.which("python3", path="/usr/bin:/usr/local/bin")
        if not found:
            pytest.skip("no Python that nobody may start")
        python = found
    folder = Path(tempfile.mkdtemp(prefix="sealed-"))
    folder.chmod(0o755)
    if uid is not None:
        os.chown(folder, uid, uid)
    (folder / "ca.pem").write_text(CERTIFICATE)
    (folder / "ca.pem").chmod(0o644)
    yield Sealer(uid, python, folder)
    shutil.rmtree(folder)


def _certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's CA")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


CERTIFICATE = _certificate()
