"""Two network namespaces with one link: this process's own, which init redirects, and a neighbour that sees every frame.

Both live in processes of their own, so that the test's namespace stays as it is.
"""

import contextlib
import multiprocessing
import os
import socket
import struct
import threading
import time
from multiprocessing.connection import Connection

from childproof.escape import outside

HERE, THERE = "192.0.2.1", "192.0.2.2"
HERE6, THERE6 = "2001:db8:0:1::1", "2001:db8:0:1::2"
FAR, FAR6 = "203.0.113.9", "2001:db8:9::9"  # behind the neighbour, as far as this end knows: what leaves is answered
ECHO = 8000
TOKEN = b"would-have-left"
_PATIENCE = 10


class Neighbour:
    """The other end of the link, asked through a pipe."""

    def __init__(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._controls = 0
        pid = os.fork()
        if pid == 0:
            self._pipe.close()
            try:
                _be_the_neighbour(theirs)
            finally:
                os._exit(0)
        theirs.close()
        self._pipe.recv()
        outside.link(pid)
        outside.furnish("out", HERE, HERE6)
        for family, gateway in ((socket.AF_INET, THERE), (socket.AF_INET6, THERE6)):
            via = outside.attribute(5, socket.inet_pton(family, gateway))
            outside.route(via, family=family, table=254, kind=1)
        self.ask("start")

    def ask(self, *question):
        self._pipe.send(question)
        return self._pipe.recv()

    def saw(self, send_control) -> list[str]:
        """The frames with the token that arrived by now; `send_control` sends one that does arrive, and proves it."""
        self._controls += 1
        marker = b"control-%d" % self._controls
        send_control(marker)
        return self.ask("seen", marker)


def _be_the_neighbour(pipe: Connection) -> None:
    outside.check(outside.libc.unshare(outside._NEWNET), "unshare the neighbour")
    pipe.send("unshared")
    pipe.recv()
    while "sink" not in {name for _, name in socket.if_nameindex()}:
        time.sleep(0.005)
    outside.furnish("sink", THERE, THERE6, FAR, FAR6)
    frames: list[bytes] = []
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sniffer.bind(("sink", 0))
    _start(_sniff, sniffer, frames)
    taken: list[tuple[str, int]] = []
    for port in (ECHO, 15001, 15053, 8443):
        _start(_serve, port, taken)
    names = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    names.bind(("::", 15053))
    _start(_answer, names, taken)
    pipe.send("ready")
    while True:
        match pipe.recv():
            case ("seen", marker):
                give_up = time.monotonic() + _PATIENCE
                while not any(marker in frame for frame in frames) and time.monotonic() < give_up:
                    time.sleep(0.002)
                arrived = any(marker in frame for frame in frames)
                leaked = [frame.hex() for frame in frames if TOKEN in frame]
                pipe.send(leaked if arrived else ["nothing arrived, not even the control"])
                frames.clear()
            case ("taken",):
                pipe.send(list(taken))
                taken.clear()
            case ("talk", address, port, data):
                pipe.send(_talk(address, port, data))
            case ("throw", address, port, data):
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.sendto(data, (address, port))
                pipe.send(None)
            case _:
                return


def _talk(address, port, data):
    try:
        with socket.create_connection((address, port), 5) as sock:
            sock.sendall(data)
            return sock.recv(100)
    except OSError as error:
        return type(error).__name__


def _start(run, *arguments):
    threading.Thread(target=run, args=arguments, daemon=True).start()


def _sniff(sniffer, frames):
    while True:
        try:
            frame, origin = sniffer.recvfrom(1 << 16)
        except OSError:
            return
        if origin[2] != socket.PACKET_OUTGOING:
            frames.append(frame)


def _serve(port, taken):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        client, _ = server.accept()
        taken.append(("tcp", port))
        _start(_echo, client)


def _echo(client):
    with client, contextlib.suppress(OSError):
        while data := client.recv(1000):
            client.sendall(data)


def _answer(names, taken):
    while True:
        data, client = names.recvfrom(1000)
        taken.append(("udp", 15053))
        names.sendto(data, client)


def frame(payload: bytes) -> bytes:
    """An Ethernet frame to everybody on the link, with a UDP datagram in it."""
    total = 28 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, total, 1, 0, 64, 17, 0)
    head += socket.inet_aton(HERE) + socket.inet_aton(THERE)
    words = sum(struct.unpack("!10H", head))
    words = (words & 0xFFFF) + (words >> 16)
    head = head[:10] + struct.pack("!H", ~(words + (words >> 16)) & 0xFFFF) + head[12:]
    udp = struct.pack("!HHHH", 5000, 9999, 8 + len(payload), 0)
    return b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x08\0" + head + udp + payload
