"""A machine that runs containers: network namespaces joined by the kernel's own means, below one that stands for the machine.

Everything is made in namespaces of the caller's, which has one thread and is a real root; it all goes with that process.
The namespace that the caller is in stands for the machine (a node, a Docker host) and for all that lies behind it: frames
that arrive here have left a sandbox, and are recorded.
"""

import contextlib
import http.client
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from childproof.escape.sinkhole import describe
from childproof.sandbox import linux

ROOT = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"
PATIENCE = 60.0
# The start wrapper for a visitor, who needs no bundle of a package; looking for those takes it a second, and the agent does.
ONLY_VARIABLES = ("--env-only",)
_OURS_TO_END = ("setpriv", "--pdeathsig", "KILL")
_EPHEMERAL = 32768
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 263, 6, 23
_SO_RCVBUFFORCE, _ROOM = 33, 64 * 1024 * 1024
_ETH_P_ALL = 3


def image_environment() -> dict[str, str]:
    """What the Dockerfile's last stage sets, with this checkout's programs in the place of the image's."""
    text = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    found: dict[str, str] = {}
    for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE):
        found |= dict(item.split("=", 1) for item in shlex.split(line))
    return {**found, "PATH": found["PATH"].replace("/opt/childproof/bin", str(BIN))}


def agent_environment() -> dict[str, str]:
    """An image with Python on its path and nothing else of ours."""
    return {"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"}


def ip(*words: str) -> None:
    """One command of iproute2's; ends with its words where it fails."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"ip {' '.join(words)}: {done.stderr}")


def become_machine(folder: Path, resolver: str) -> None:
    """Into namespaces of our own, with `resolver` in resolv.conf and an empty /run."""
    os.unshare(linux.CLONE_NEWNET | linux.CLONE_NEWNS)
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    conf = folder / "resolv.conf"
    conf.write_text(f"nameserver {resolver}\noptions timeout:1 attempts:1\n")
    linux.mount(str(conf), os.path.realpath("/etc/resolv.conf"), flags=linux.MS_BIND)
    ip("link", "set", "lo", "up")


@dataclass
class Machine:
    """Keeps the processes that it started, and what arrived here."""

    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _taps: list[socket.socket] = field(default_factory=list)

    def namespace(self) -> int:
        """A new network namespace, held by a process that does nothing: its pid. Loopback is up."""
        holder = subprocess.Popen([*_OURS_TO_END, "unshare", "--net", "sleep", "infinity"])
        self.started.append(holder)
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{holder.pid}/ns/net").readlink() == own:
            time.sleep(0.002)
        self.inside(holder.pid, "ip", "link", "set", "lo", "up")
        return holder.pid

    def inside(self, pid: int, *command: str) -> None:
        """Run a command in a namespace."""
        subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", *command], check=True)

    def link(self, pid: int, name: str, *, here: str, device: str = "eth0") -> None:
        """A pair of devices: `here` on the machine, `device` in the namespace."""
        ip("link", "add", here, "type", "veth", "peer", "name", device, "netns", str(pid))
        ip("link", "set", here, "up")
        self.inside(pid, "ip", "address", "add", name, "dev", device)
        self.inside(pid, "ip", "link", "set", device, "up")

    def background(self, *command: str, network: int | None = None) -> None:
        """A process of the machine's, or of a namespace's, that lasts as long as we do and prints `ready`."""
        enter = () if network is None else ("nsenter", f"--net=/proc/{network}/ns/net")
        process = subprocess.Popen([*_OURS_TO_END, *enter, *command], stdout=subprocess.PIPE, cwd=ROOT)
        self.started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"

    def tap(self, device: str) -> None:
        """Record what arrives at a device of the machine's."""
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        packets.setblocking(False)
        packets.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        packets.bind((device, 0))
        self._taps.append(packets)

    def arrived(self) -> list[str]:
        """What arrived there so far, each once, in a few words; answers to connections of the machine's left out, and who asks for addresses of its link."""
        found: dict[str, None] = {}
        for packets in self._taps:
            _, lost = struct.unpack("=II", packets.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
            assert lost == 0, f"{lost} frames were not recorded"
            with contextlib.suppress(BlockingIOError):
                while True:
                    words = describe(packets.recv(65535))
                    port = words.rpartition(":")[2]
                    if (
                        words
                        and not words.startswith("ARP")
                        and not (words.startswith("TCP ") and int(port) >= _EPHEMERAL)
                    ):
                        found[words] = None
        return list(found)

    def close(self) -> None:
        """End all processes that are still there."""
        for process in self.started:
            process.kill()
            process.wait()


@contextlib.contextmanager
def machine(folder: Path, resolver: str) -> Iterator[Machine]:
    """A machine for the block."""
    become_machine(folder, resolver)
    made = Machine()
    try:
        yield made
    finally:
        made.close()


def get(address: str, path: str) -> tuple[int, str]:
    """An HTTP GET as a kubelet makes it: the status, 0 where nobody answers, and the body."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=2)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def waited[T](ask: Callable[[], T], process: subprocess.Popen[str] | None = None, patience: float = PATIENCE) -> T:
    """The first answer that is true; ends where `process` ends first, or after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end and (process is None or process.poll() is None):
        if answer := ask():
            return answer
        time.sleep(0.03)
    return ask()


def lines(file: Path) -> list[str]:
    """What a container printed."""
    return file.read_text().splitlines() if file.exists() else []


def spoken(file: Path, agent: subprocess.Popen[str]) -> list[Any]:
    """What the example agent has printed when it has made its two calls: its lines of JSON, among the start wrapper's."""

    def said() -> list[Any]:
        return [json.loads(line) for line in lines(file) if line.startswith("{")]

    waited(lambda: len(said()) > 1, agent, 20)
    return said()
