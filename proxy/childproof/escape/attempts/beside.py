"""Lines 3, 7 and 8 in a pod: the proxy is a container beside the client's, in the same network namespace."""

import contextlib
import os
import re
import socket
from pathlib import Path

from childproof.escape.table import UNCONTAINED, Absent, Closed, attempt
from childproof.escape.talk import datagram, exchange, get, reads, tried
from childproof.escape.ways import Way

from .device import own_addresses

_APART = Absent("the proxy is not in the client's network namespace")
_BRIEF = 1.0
SHARED = "/dev/shm"  # noqa: S108 (nothing is made there)
_PORTS = {"tcp": (15001, 15053), "udp": (15001, 15053)}  # those of its redirection
_TOLD = (15021, 15090)  # those where it tells how it is


@attempt("3c", direct=_APART, proxied=UNCONTAINED, shared=Closed(("refused",)))
def the_listeners_themselves(way: Way) -> str:
    """Every address that they could be at, without a redirection that says where a call would go."""
    answers = set()
    for place in ("127.0.0.1", "::1", *own_addresses().values()):
        for kind, ports in _PORTS.items():
            for port in ports:
                try:
                    answers.add(
                        exchange(way, place, port, get("api.stripe.com")) if kind == "tcp" else datagram(place, port)
                    )
                except OSError as error:
                    answers.add(type(error).__name__)
    return "refused" if answers <= {"ConnectionRefusedError", "ConnectionResetError", "reset"} else str(answers)


@attempt("3c", direct=_APART, proxied=UNCONTAINED, shared=Closed(("health",)))
def the_ports_for_probes(way: Way) -> str:
    """What is said there: whether the proxy is well, and nothing of hosts, rules, stubs or worlds."""
    seen: set[str] = set()
    for port in _TOLD:
        for path in ("/", "/healthz", "/readyz", "/metrics", "/v1/worlds", "/debug", "/public/../metrics"):
            for method in ("GET", "POST"):
                try:
                    answer = exchange(way, "127.0.0.1", port, get("localhost", path, method=method))
                except OSError:
                    continue
                seen.update(word for word in ("childproof_", "example", "stripe", "main", "limited") if word in answer)
    return f"more than health: {sorted(seen)}" if seen else "health"


@attempt("3d", direct=Closed(("HTTP/1.1 403",), "GET http://beside.example/"), proxied=UNCONTAINED)
def a_listener_beside_the_proxys(way: Way) -> str:
    """At its ports, on every address that is still free, with every option that shares one: calls go to it all the same."""
    with contextlib.ExitStack() as stack:
        for kind, port in ((socket.SOCK_STREAM, 15001), (socket.SOCK_STREAM, 15053), (socket.SOCK_DGRAM, 15053)):
            for host in ("127.0.0.1", "::1", "0.0.0.0", "::", *own_addresses().values()):
                sock = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with contextlib.suppress(OSError):
                    sock.bind((host, port))
                    if kind == socket.SOCK_STREAM:
                        sock.listen()
        return exchange(way, "beside.example", 80, get("beside.example"))


@attempt("7f", direct=_APART, proxied=UNCONTAINED, shared=Closed(("not there",)))
def the_proxys_process(way: Way) -> str:
    """By /proc, in System V memory, in /dev/shm: whoever is seen could be traced, read or stopped."""
    del way
    own = os.readlink("/proc/self/ns/mnt")
    found = [name for name in os.listdir("/proc") if name.isdigit() and os.readlink(f"/proc/{name}/ns/mnt") != own]
    found += Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    found += [name for name in os.listdir(SHARED) if "childproof" in name]
    return f"{len(found)} there: {found}" if found else "not there"


@attempt("7g", direct=_APART, proxied=UNCONTAINED, shared=Closed(("certificates",)))
def a_key_beside_the_certificate(way: Way) -> str:
    """Every file of the volume that the proxy and the client share."""
    files = [path for path in Path(way.given["published"]).rglob("*") if path.is_file()]
    keys = [str(path) for path in files if re.search(rb"(?m)^-----BEGIN [A-Z ]*PRIVATE KEY", path.read_bytes())]
    return f"a key in {keys}" if keys else "certificates" if files else "nothing is published"


@attempt("7g", direct=_APART, proxied=UNCONTAINED, shared=Closed(("refused",)))
def what_is_published(way: Way) -> str:
    """To change, to remove, to put something beside it."""
    folder = Path(way.given["published"])
    return tried(
        lambda: open(folder / "more", "w"),
        lambda: os.chmod(folder, 0o700),
        *(lambda path=path: open(path, "a") for path in folder.rglob("*") if path.is_file()),
        *(lambda path=path: os.unlink(path) for path in folder.rglob("*") if path.is_file()),
    )


@attempt("8g", direct=_APART, proxied=UNCONTAINED, shared=Closed(("none",)))
def abstract_sockets_of_the_pod(way: Way) -> str:
    """Their names are the network namespace's, so those of all its containers can be dialled: the proxy has none."""
    del way
    found = []
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        name = line.split()[-1]
        if name.startswith("@"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(_BRIEF)
                try:
                    sock.connect("\0" + name[1:])
                    found.append(f"{name} says {reads(sock)[:20]!r}")
                except OSError:
                    pass
    return str(found) if found else "none"
