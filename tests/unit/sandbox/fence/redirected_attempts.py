"""What a client can try in a redirected namespace, each by its name, and what it sees."""

import contextlib
import socket
import struct

from neighbour import ECHO, FAR, FAR6, THERE, THERE6, TOKEN, frame

SO_BINDTODEVICE, SO_MARK, SOL_PACKET, QDISC_BYPASS = 25, 36, 263, 20


def attempt(kind, address, port=443, *, device=False, send=TOKEN):
    """The name of the error that a client sees, or what it saw instead."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.settimeout(5)
        try:
            if device:
                sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"out")
            sock.connect((address, port))
            sock.send(send)
            return sock.recv(100).decode(errors="replace") or "closed"
        except OSError as error:
            return type(error).__name__


def leak():
    """What arrives where nothing is redirected."""
    for family, address in ((socket.AF_INET, THERE), (socket.AF_INET6, THERE6)):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(TOKEN, (address, 9999))
    packet_sockets()


def everything(*, raw):
    """Every kind of attempt, by name."""
    found = {}
    for address in (THERE, FAR, THERE6, FAR6):
        found[f"tcp {address}"] = attempt(socket.SOCK_STREAM, address, ECHO)
        found[f"udp {address}"] = attempt(socket.SOCK_DGRAM, address)
        found[f"tcp {address} by its device"] = attempt(socket.SOCK_STREAM, address, ECHO, device=True)
        found[f"udp {address} by its device"] = attempt(socket.SOCK_DGRAM, address, device=True)
    for address in ("224.0.0.9", "ff05::9"):  # nobody is told when a group's datagram is dropped
        with (
            socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock,
            contextlib.suppress(OSError),
        ):
            sock.sendto(TOKEN, (address, 443))
    if raw:
        for protocol, address in (
            (1, FAR),
            (58, FAR6),
            (47, FAR),
            (132, FAR),
            (99, FAR6),
        ):
            with (
                socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_RAW, protocol) as sock,
                contextlib.suppress(OSError),
            ):
                sock.sendto(struct.pack("!BBHHH", 8 if protocol == 1 else 128, 0, 0, 1, 1) + TOKEN, (address, 0))
        solicitation = struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, THERE6) + TOKEN
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58) as sock, contextlib.suppress(OSError):
            sock.sendto(solicitation, (THERE6, 0))
        found |= packet_sockets()
    return found


def packet_sockets():
    found = {}
    for name, kind, options in (
        ("frame", socket.SOCK_RAW, ()),
        ("frame past the queue", socket.SOCK_RAW, ((SOL_PACKET, QDISC_BYPASS, 1),)),
        ("frame with a mark", socket.SOCK_RAW, ((socket.SOL_SOCKET, SO_MARK, 0x63680001),)),
        ("datagram", socket.SOCK_DGRAM, ()),
    ):
        for protocol in (0x0800, 0x0806, 0x88B5):
            with socket.socket(socket.AF_PACKET, kind, socket.htons(protocol)) as sock:
                whole = frame(TOKEN)
                whole = whole[:12] + struct.pack("!H", protocol) + whole[14:]
                try:
                    for option in options:
                        sock.setsockopt(*option)
                    if kind == socket.SOCK_RAW:
                        sock.bind(("out", 0))
                        sock.send(whole)
                    else:
                        sock.sendto(whole[14:], ("out", protocol, 0, 0, b"\xff" * 6))
                    found[f"{name} {protocol:04x}"] = "sent"
                except OSError as error:
                    found[f"{name} {protocol:04x}"] = type(error).__name__
    return found


def everything_raw():
    return everything(raw=True)


def everything_quietly():
    return everything(raw=False)
