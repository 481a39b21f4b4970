"""What this machine supports: found out by making a sandbox, not by reading version numbers."""

import os
import select
import socket
import tempfile
from pathlib import Path

import msgspec

from childproof.errors import SandboxError

from .sealed import SandboxListeners, SandboxSpec, SealedSandbox

# Any certificate serves: nothing in this sandbox speaks TLS.
_NO_CA = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
_PROBED = ("203.0.113.1", 443)  # RFC 5737: nobody's
_SECONDS = 10
_INSIDE = f"""
import socket, sys
s = socket.create_connection({_PROBED!r}, {_SECONDS})
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout({_SECONDS})
u.connect({_PROBED!r})
try:
    u.send(b"x"); u.recv(1)
except ConnectionRefusedError:
    sys.exit(0)
sys.exit(3)
"""


class Support(msgspec.Struct, frozen=True):
    """What a sandbox could do here. `refusal` is why none can be made at all, empty where it can.

    `escapes` names what was tried from inside, each with what went wrong, empty where it held.
    """

    refusal: str
    ipv6: bool = False
    refusals_recorded: bool = False
    escapes: tuple[tuple[str, str], ...] = ()


def sealing_refusal() -> str:
    """Why this machine can't seal a command; empty where it can. Some 50 ms; nothing is started inside."""
    try:
        sandbox = SealedSandbox.launch(SandboxSpec(("true",), dict(os.environ), "/"))
        sandbox.handover().close()
        sandbox.kill()
    except SandboxError as error:
        return str(error)
    return ""


def probe(python: str) -> Support:
    """Make a sandbox and try from inside, with a Python interpreter, what it must stop."""
    try:
        sandbox = SealedSandbox.launch(SandboxSpec((python, "-c", _INSIDE), dict(os.environ), "/"))
        listeners = sandbox.handover()
        try:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as ca:
                ca.write(_NO_CA)
                ca.flush()
                sandbox.furnish(ca_cert=Path(ca.name))
            sandbox.start()
            escapes = (
                ("TCP to any address arrives here", _redirected(listeners)),
                ("UDP is refused at once", _refused(sandbox)),
            )
        finally:
            listeners.close()
            sandbox.kill()
    except SandboxError as error:
        return Support(str(error))
    return Support("", len(listeners.dns) > 1, listeners.refusals is not None, escapes)


def _redirected(listeners: SandboxListeners) -> str:
    if not select.select([listeners.tcp], [], [], _SECONDS)[0]:
        return "nothing arrived"
    connection, _ = listeners.tcp.accept()
    with connection:
        found = socket.inet_ntoa(connection.getsockopt(socket.IPPROTO_IP, 80, 16)[4:8])  # SO_ORIGINAL_DST
    return "" if found == _PROBED[0] else f"its destination reads {found}"


def _refused(sandbox: SealedSandbox) -> str:
    code = sandbox.wait()
    return "" if code == 0 else f"the probe ended with {code}"
