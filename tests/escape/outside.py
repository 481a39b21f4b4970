"""A world outside for tests: a network namespace with a way out, and a sinkhole at its end that records every frame.

    python outside.py [--ordinary] COMMAND…     runs COMMAND with all routes leading to the sinkhole, then sends a control
                                                message; `--ordinary` takes COMMAND's privileges away

Prints one JSON object on the last line of standard output: `during`, the frames seen while COMMAND ran; `control`,
those seen afterwards, which proves that the sinkhole was awake; `code`, COMMAND's exit code. Needs no root: all of it
lives in a user namespace of its own.
"""

import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyroute2 import IPRoute

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
ETH_P_ALL = 3
PACKET_OUTGOING = 4
ICMPV6 = 58
# What the kernel says by itself when a device comes up: neighbour and router discovery, multicast listeners.
KERNEL_CHATTER = range(130, 144)
HERE, SINK = "10.99.0.1", "10.99.0.2"
HERE6, SINK6 = "fd00:99::1", "fd00:99::2"
QUIET = 0.5  # seconds without a frame that end a recording

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        sys.exit(f"outside: {what}: {os.strerror(number)}")


def become_root_of_new_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "making / private")
    resolv = Path(tempfile.mkdtemp()) / "resolv.conf"
    resolv.write_text(f"nameserver {SINK}\noptions timeout:1 attempts:1\n")
    target = os.path.realpath("/etc/resolv.conf")
    check(libc.mount(bytes(resolv), target.encode(), None, MS_BIND, None), "binding resolv.conf")


def address(device: str, ipv4: str, ipv6: str) -> None:
    with IPRoute() as route:
        [lo] = route.link_lookup(ifname="lo")
        route.link("set", index=lo, state="up")
        [index] = route.link_lookup(ifname=device)
        route.addr("add", index=index, address=ipv4, prefixlen=24)
        route.addr("add", index=index, address=ipv6, prefixlen=64, flags=2)  # no duplicate address detection
        route.link("set", index=index, state="up")
        if device == "out":
            route.route("add", dst="default", gateway=SINK)
            route.route("add", dst="default", gateway=SINK6, family=socket.AF_INET6)


def sinkhole(ready: int, stop: int, results: int) -> None:
    """Record frames in a namespace of its own until told, twice: during the command, and for the control."""
    check(libc.unshare(CLONE_NEWNET), "unshare the sinkhole")
    os.write(ready, b"n")
    while not Path("/sys/class/net/sink").exists() and "sink" not in Path("/proc/net/dev").read_text():
        time.sleep(0.01)
    address("sink", SINK, SINK6)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sock:
        sock.bind(("sink", 0))
        os.write(ready, b"r")
        for _ in range(2):
            frames = record(sock, stop)
            os.write(results, json.dumps(frames).encode() + b"\n")


def record(sock: socket.socket, stop: int) -> list[str]:
    frames: list[str] = []
    told = False
    while True:
        timeout = QUIET if told else None
        readable, _, _ = select.select([sock] if told else [sock, stop], [], [], timeout)
        if not readable:
            return frames
        if stop in readable:
            os.read(stop, 1)
            told = True
        if sock in readable:
            frame, (_, _, kind, *_) = sock.recvfrom(65535)
            words = describe(frame)
            if kind != PACKET_OUTGOING and words:
                frames.append(words)


def describe(frame: bytes) -> str:
    """One frame in a few words; empty for the kernel's own chatter."""
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    if ethertype == 0x0800:
        return f"IPv4 protocol {frame[23]} to {socket.inet_ntoa(frame[30:34])}"
    if ethertype == 0x86DD:
        following, start = frame[20], 54
        if following == 0:  # hop-by-hop options, as multicast listener reports have them
            following, start = frame[54], 54 + 8 + frame[55] * 8
        if following == ICMPV6 and frame[start] in KERNEL_CHATTER:
            return ""
        return f"IPv6 protocol {following} to {socket.inet_ntop(socket.AF_INET6, frame[38:54])}"
    return f"ethertype {ethertype:#06x}"


def become_ordinary() -> None:
    """A user without capabilities: a namespace below in which we are nobody in particular."""
    check(libc.unshare(CLONE_NEWUSER), "unshare an ordinary user")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text("65534 0 1")
    Path("/proc/self/gid_map").write_text("65534 0 1")


def main(command: list[str]) -> None:
    ordinary = command[0] == "--ordinary"
    command = command[ordinary:]
    become_root_of_new_namespaces()
    ready, stop, results = os.pipe(), os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        sinkhole(ready[1], stop[0], results[1])
        os._exit(0)
    assert os.read(ready[0], 1) == b"n"
    with IPRoute() as route:
        route.link("add", ifname="out", kind="veth", peer={"ifname": "sink", "net_ns_pid": child})
    address("out", HERE, HERE6)
    assert os.read(ready[0], 1) == b"r"
    become = become_ordinary if ordinary else None
    code = subprocess.run(command, check=False, preexec_fn=become).returncode
    os.write(stop[1], b".")
    with os.fdopen(results[0]) as lines:
        during = json.loads(lines.readline())
        for family, place in ((socket.AF_INET, "203.0.113.7"), (socket.AF_INET6, "2001:db8::7")):
            with socket.socket(family, socket.SOCK_DGRAM) as control:
                control.sendto(b"control", (place, 4444))
        os.write(stop[1], b".")
        control_frames = json.loads(lines.readline())
    os.waitpid(child, 0)
    sys.stdout.write("\n" + json.dumps({"during": during, "control": control_frames, "code": code}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
