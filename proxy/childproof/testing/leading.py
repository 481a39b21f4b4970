"""This process's own clients, led into a world while a test runs: by variables, and where clients read none, by what they go through.

Everything is as it was afterwards, but that a TLS context which was used in between still trusts our authority: its key dies
with the server, and contexts forget nothing.
"""

import contextlib
import ipaddress
import os
import smtplib
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_CONNECT = "_get_socket"  # the one place where smtplib connects, for SMTP_SSL and LMTP too
_WRAPS = {"wrap_socket": 1, "wrap_bio": 2}  # of ssl.SSLContext: where `server_side` is among the arguments


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Where to: `environ` are variables, `authority` a file with our certificate, `proxy` a URL."""

    environ: Mapping[str, str]
    authority: str
    proxy: str


@dataclass(slots=True)
class _Process:
    """What is in force in this process, the newest last, and what was before the first."""

    ways: list[Way] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    environ: dict[str, str | None] = field(default_factory=dict)
    replaced: list[tuple[Any, str, Any]] = field(default_factory=list)


_process = _Process()


@contextlib.contextmanager
def led(way: Way) -> Iterator[None]:
    """Lead this process's clients. Of several at once the newest is in force; threads may end theirs in any order."""
    with _process.lock:
        if not _process.ways:
            _enter()
        _process.ways.append(way)
        _apply(way.environ)
    try:
        yield
    finally:
        with _process.lock:
            _process.ways.remove(way)
            _apply(_process.ways[-1].environ if _process.ways else {})
            if not _process.ways:
                _leave()


def _enter() -> None:
    for name in _WRAPS:
        _replace(ssl.SSLContext, name, _trusting(name, getattr(ssl.SSLContext, name)))
    _replace(smtplib.SMTP, _CONNECT, _mailing(getattr(smtplib.SMTP, _CONNECT)))
    # `urlopen` keeps the proxies of its first call, or that there are none: have it read the environment again.
    _replace(urllib.request, "_opener", None)


def _leave() -> None:
    while _process.replaced:
        owner, name, before = _process.replaced.pop()
        setattr(owner, name, before)


def _replace(owner: Any, name: str, value: object) -> None:
    _process.replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, value)


def _apply(given: Mapping[str, str]) -> None:
    """Set these variables; those of a way that is over are as they were before all."""
    for name in given:
        _process.environ.setdefault(name, os.environ.get(name))
    for name, before in [*_process.environ.items()]:
        value = given.get(name, before)
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if not given:
        _process.environ.clear()


def _trusting(name: str, original: Any) -> Any:
    """Whatever certificates a client brings along (stripe's SDK, aiohttp's context of its import): ours is one more.

    Contexts that check nothing are left alone, and so are those of servers.
    """
    place = _WRAPS[name]

    def wrap(self: ssl.SSLContext, *args: Any, **named: Any) -> Any:
        server_side = named.get("server_side", args[place] if len(args) > place else False)
        if not server_side and self.verify_mode != ssl.CERT_NONE:
            for way in _process.ways[-1:]:
                self.load_verify_locations(way.authority)
        return original(self, *args, **named)

    return wrap


def _mailing(direct: Any) -> Any:
    """Connections of smtplib, which reads no variable, are asked of the proxy; but for those to this machine."""

    def connect(self: smtplib.SMTP, host: str, port: int, timeout: float) -> Any:
        ways = _process.ways[-1:]
        if _local(host) or not ways:
            return direct(self, host, port, timeout)
        place = urlsplit(ways[0].proxy)
        made = socket.create_connection((place.hostname or "", place.port or 0), timeout)
        try:
            _tunnel(made, host, port)
        except BaseException:
            made.close()
            raise
        return made

    return connect


def _tunnel(connection: socket.socket, host: str, port: int) -> None:
    """CONNECT (RFC 9110, 9.3.6). Raises ConnectionError with the proxy's words; what comes after its head is left unread."""
    name = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    connection.sendall(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)  # no more: a greeting may follow at once
        if not byte:
            raise ConnectionResetError("childproof's proxy closed the connection")
        head += byte
    line = head.partition(b"\r\n")[0].decode("latin-1")
    if line.split(" ", 2)[1:2] != ["200"]:
        raise ConnectionRefusedError(f"childproof's proxy: {line}")


def _local(host: str) -> bool:
    if host.lower().rstrip(".") in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
