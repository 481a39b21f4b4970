"""A world outside: a network namespace with a way out that ends in the sinkhole, and a command run in it.

    python -m childproof.escape.outside [--ordinary|--nobody] COMMAND…

The command runs as root of the namespace; with `--ordinary` as the same user without capabilities, with `--nobody` (only
for a real root) as another user. The last line of standard
output is one JSON object: `during`, what arrived while COMMAND ran; `control`, what arrived of two datagrams sent
afterwards, which proves that the sinkhole was awake; `requests`, what reached the host that allowed calls may reach;
`code`, COMMAND's exit code. Needs no root: all of it lives in namespaces of its own, and nothing leaves the machine.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from childproof.sandbox.netfilter.netlink import (
    NETLINK_NETFILTER,
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    Netlink,
    attribute,
    nest,
    text,
    u32,
)

from .sinkhole import HERE, HERE6, SINK, SINK6, Sinkhole

NOBODY = 65534
_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_NEWLINK, _NEWADDR, _NEWROUTE = 16, 20, 24
_NODAD = 2
_IFF_UP = 1
_IFNAME, _LINKINFO, _NETNS_PID = 3, 18, 19
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_MAIN, _LOCAL_TABLE, _STATIC, _UNICAST, _LOCAL, _SCOPE_HOST = 254, 255, 4, 1, 2, 254
_OIF, _GATEWAY = 4, 5

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """End with the kernel's reason where it refused."""
    if result != 0:
        sys.exit(f"outside: {what}: {os.strerror(ctypes.get_errno())}")


def enter_user_namespace(more: int, inside: int) -> None:
    """Into a new user namespace, and others: as the user `inside` there."""
    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(_NEWUSER | more), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {gid} 1")


def become_root_of_new_namespaces() -> Path:
    """With a resolv.conf that names the sinkhole, which is returned: it is to be removed at the end.

    A real root needs no user namespace for this, unless it is a container's, which may not make others without.
    """
    if os.getuid() != 0 or libc.unshare(_NEWNET | _NEWNS) != 0:
        enter_user_namespace(_NEWNET | _NEWNS, 0)
    check(libc.mount(b"none", b"/", None, _REC | _PRIVATE, None), "making / private")
    resolv = Path(tempfile.mkdtemp(prefix="childproof-outside-")) / "resolv.conf"
    resolv.write_text(f"nameserver {SINK}\noptions timeout:3 attempts:2\n")
    target = os.path.realpath("/etc/resolv.conf")
    check(libc.mount(bytes(resolv), target.encode(), None, _BIND, None), "binding resolv.conf")
    return resolv


def link(pid: int) -> None:
    """A pair of devices: `out` here, `sink` in the namespace of that process."""
    info = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0)
    peer = attribute(_VETH_PEER | 0x8000, info + text(_IFNAME, "sink") + attribute(_NETNS_PID, u32(pid)))
    pair = nest(_LINKINFO, text(_INFO_KIND, "veth"), nest(_INFO_DATA, peer))
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        netlink.ask([Message(_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, info + text(_IFNAME, "out") + pair)])


def furnish(device: str, *addresses: str) -> None:
    """Set a namespace's devices up, with these addresses."""
    index, lo = socket.if_nametoindex(device), socket.if_nametoindex("lo")
    with contextlib.suppress(OSError):  # else IPv6 says nothing for a second, and what would leave by it is not seen
        Path(f"/proc/sys/net/ipv6/conf/{device}/accept_dad").write_text("0")
    requests = [Message(_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, n, _IFF_UP, _IFF_UP)) for n in (lo, index)]
    for address in addresses:
        family, packed = _family(address), socket.inet_pton(_family(address), address)
        prefix = 24 if family == socket.AF_INET else 64
        body = struct.pack("=BBBBI", family, prefix, _NODAD, 0, index) + attribute(1, packed) + attribute(2, packed)
        requests.insert(1, Message(_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body))
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        for request in requests:
            netlink.ask([request])


def route(*attributes: bytes, family: int, table: int, kind: int, prefix: int = 0, scope: int = 0) -> None:
    """Add a route."""
    body = struct.pack("=8BI", family, prefix, 0, 0, table, _STATIC, scope, kind, 0) + b"".join(attributes)
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        netlink.ask([Message(_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body)])


def sinkhole(ready: int, stop: int, results: int) -> None:
    """Be the other end: every address is this one's own."""
    check(libc.unshare(_NEWNET), "unshare the sinkhole")
    os.write(ready, b"n")
    while "sink" not in {name for _, name in socket.if_nameindex()}:
        time.sleep(0.01)
    furnish("sink", SINK, SINK6)
    lo = attribute(_OIF, u32(socket.if_nametoindex("lo")))
    for family in (socket.AF_INET, socket.AF_INET6):
        route(lo, family=family, table=_LOCAL_TABLE, kind=_LOCAL, scope=_SCOPE_HOST)
    asyncio.run(Sinkhole("sink").serve(stop, results, ready))


def flush_ruleset() -> None:
    """Take every table of nftables away: what a fence that COMMAND left here would stop is to arrive now."""
    with contextlib.suppress(OSError), Netlink(NETLINK_NETFILTER) as netlink:
        header = bytes([0, 0, 0, 10])  # the subsystem of nftables
        begin, end = (Message(kind, 0, header, acknowledged=False) for kind in (0x10, 0x11))
        netlink.ask([begin, Message(10 << 8 | 2, 0, bytes([0, 0, 0, 0])), end])  # NFT_MSG_DELTABLE


def become_nobody() -> None:
    """Another user of the machine, without capabilities."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def become_ordinary() -> None:
    """The same user without capabilities: nobody in particular, in a user namespace below."""
    enter_user_namespace(0, NOBODY)


BECOME = {"--ordinary": become_ordinary, "--nobody": become_nobody}


def main(command: list[str]) -> None:
    """See the module."""
    become = BECOME.get(command[0])
    command = command[become is not None :]
    resolv = become_root_of_new_namespaces()
    ready, stop, results = os.pipe(), os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sinkhole(ready[1], stop[0], results[1])
        finally:
            os._exit(0)
    assert os.read(ready[0], 1) == b"n"
    link(child)
    furnish("out", HERE, HERE6)
    for family, gateway in ((socket.AF_INET, SINK), (socket.AF_INET6, SINK6)):
        route(attribute(_GATEWAY, socket.inet_pton(family, gateway)), family=family, table=_MAIN, kind=_UNICAST)
    assert os.read(ready[0], 1) == b"r"
    code = subprocess.run(command, check=False, preexec_fn=become).returncode  # noqa: S603 (one thread)
    os.write(stop[1], b".")
    with os.fdopen(results[0]) as lines:
        during = json.loads(lines.readline())
        flush_ruleset()
        for family, place in ((socket.AF_INET, "203.0.113.7"), (socket.AF_INET6, "2001:db8::7")):
            with socket.socket(family, socket.SOCK_DGRAM) as control:
                control.sendto(b"control", (place, 4444))
        os.write(stop[1], b".")
        control_frames = json.loads(lines.readline())["frames"]
    os.waitpid(child, 0)
    shutil.rmtree(resolv.parent, ignore_errors=True)
    seen = {"during": during["frames"], "requests": during["requests"], "control": control_frames, "code": code}
    sys.stdout.write("\n" + json.dumps(seen) + "\n")


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


if __name__ == "__main__":
    main(sys.argv[1:])
