"""Proving from inside a workload what is closed: attempts that must fail, and what this process must not be or have.

Nothing here changes anything or reaches anybody: addresses are those of documentation (RFC 5737, RFC 3849), which nobody
has. No answer at all means that something let the packets out, so waiting in vain is a finding.
"""

import errno
import os
import secrets
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

PROXY_UID = 15001
HOST = "doctor.childproof.example"
_ADDRESS, _ADDRESS6, _RESOLVER = "192.0.2.1", "2001:db8::1", "192.0.2.53"
_PORT = 9
_CAPABILITIES = {7: "SETUID", 12: "NET_ADMIN", 13: "NET_RAW", 19: "SYS_PTRACE", 21: "SYS_ADMIN"}
_REFUSED = frozenset(
    {
        errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM,
        errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN, errno.EPIPE,
    }
)  # fmt: skip
_DROP = "drop it: `securityContext: {capabilities: {drop: [ALL]}}`, or `--cap-drop ALL`"
_KEY_FILES = (
    "/var/lib/childproof/childproof-ca.pem",
    "/etc/childproof/ca/tls.key",
    "/run/childproof/childproof-ca.pem",
)


class Finding(msgspec.Struct, frozen=True):
    """What was tried, whether it is as it should be, and what it said or what to do."""

    subject: str
    works: bool
    note: str = ""


def closed(
    *, uid: int = PROXY_UID, folders: Iterable[str] = (), patience: float = 3.0, status: str = "/proc/self/status"
) -> Iterator[Finding]:
    """Try what must be refused and look at what must not be. `folders` are more places where a key could lie."""
    yield _tried("TCP to another address", lambda: tcp(socket.AF_INET, _ADDRESS, patience))
    yield _tried("IPv6", lambda: tcp(socket.AF_INET6, _ADDRESS6, patience))
    yield _tried("UDP", lambda: udp(socket.AF_INET, _ADDRESS, patience))
    yield _tried("UDP over IPv6", lambda: udp(socket.AF_INET6, _ADDRESS6, patience))
    yield _tried("DNS, whoever is asked", lambda: dns(patience), "is answered by childproof")
    yield _tried("packets past the ruleset (AF_PACKET)", packet_socket)
    yield _tried("becoming the proxy's user", lambda: become(uid))
    same = uid in os.getresuid()
    yield Finding(
        "not the proxy's user",
        not same,
        f"this is uid {uid}, which the ruleset lets out; run the workload as another user (runAsUser)" if same else "",
    )
    yield capabilities(Path(status))
    yield key_unreadable(folders)


def tcp(family: int, address: str, patience: float) -> str:
    """Why a raw TCP connection is open; empty where it is refused, or ended without a byte. Raises OSError as sockets do."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience)
        sock.connect((address, _PORT))
        sock.sendall(b"childproof doctor\r\n\r\n")
        said = sock.recv(256)
    return f"{address} answered {said[:40]!r}" if said and b"childproof" not in said else ""


def udp(family: int, address: str, patience: float) -> str:
    """Why a datagram is open; empty where it was refused, which the system says at the next call. Raises as sockets do."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience)
        sock.connect((address, _PORT))
        sock.send(b"childproof doctor")
        return f"{address} answered {sock.recv(256)[:40]!r}"


def dns(patience: float) -> str:
    """Why names aren't answered by us: a resolver that nobody has must answer. Raises TimeoutError where none does."""
    number = secrets.randbits(16)
    name = b"".join(bytes([len(label)]) + label for label in HOST.encode().split(b"."))
    question = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack("!2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience)
        sock.connect((_RESOLVER, 53))
        sock.send(question)
        answer = sock.recv(512)
    return "" if answer[:2] == question[:2] else "an answer to another question"


def packet_socket() -> str:
    """Why raw frames are open; they pass by output hooks. Raises as sockets do."""
    family = getattr(socket, "AF_PACKET", None)
    if family is None:
        return ""
    socket.socket(family, socket.SOCK_RAW).close()
    return f"a packet socket could be made: CAP_NET_RAW; {_DROP}"


def become(uid: int) -> str:
    """Why this process can become that user; empty where the kernel refuses. Tried in a child."""
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(uid, uid, uid)
        except OSError:
            os._exit(1)
        os._exit(0)
    _, ended = os.waitpid(child, 0)
    return "" if os.waitstatus_to_exitcode(ended) else f"setuid({uid}) succeeded: CAP_SETUID; {_DROP}"


def capabilities(status: Path) -> Finding:
    """Whether this process holds a capability that opens what is closed."""
    subject = "no capability that opens any of this"
    try:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        held = int(lines["CapPrm"], 16) | int(lines["CapInh"], 16) | int(lines["CapAmb"], 16)
    except (OSError, KeyError, ValueError):
        return Finding(subject, works=False, note=f"{status} can't be read, so nobody knows")
    names = [name for number, name in _CAPABILITIES.items() if held >> number & 1]
    return Finding(subject, not names, f"has {', '.join(names)}; {_DROP}" if names else "")


def key_unreadable(folders: Iterable[str]) -> Finding:
    """Whether no key of the authority can be read in the usual places and these folders."""
    files = [Path(name) for name in _KEY_FILES]
    for folder in folders:
        try:
            files += [path for path in Path(folder).iterdir() if path.is_file()]
        except OSError:
            continue
    found = [str(path) for path in files if _holds_key(path)]
    note = f"{', '.join(found)} can be read; mount the published folder alone (ca.publish)" if found else ""
    return Finding("the authority's key can't be read", not found, note)


def _holds_key(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"PRIVATE KEY-----" in file.read(1 << 20)
    except OSError:
        return False


def _tried(subject: str, attempt: Callable[[], str], good: str = "is refused") -> Finding:
    """An attempt's end as a finding. What isn't known to be closed is open."""
    try:
        wrong = attempt()
    except TimeoutError:
        wrong = "no answer and no refusal: something lets it out; is the redirection in this network namespace?"
    except OSError as error:
        refused = error.errno in _REFUSED and good == "is refused"
        wrong = "" if refused else str(error.strerror or error)
    return Finding(f"{subject} {good}", not wrong, wrong)
