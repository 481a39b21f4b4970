"""How a client gets to a host: by dialling it, or by asking the explicit proxy."""

import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

WAIT = 15  # seconds that a client waits for anything


class Refused(Exception):
    """The proxy did not open a tunnel; its answer's first line."""


class Way(ABC):
    """A way to hosts. `given` is what the session tells the attempts: ports, folders, the state's place."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    @abstractmethod
    def dial(self, host: str, port: int) -> socket.socket:
        """A connection to `host`, as far as the client can tell. Raises OSError or Refused."""

    @abstractmethod
    def curl(self) -> tuple[str, ...]:
        """The options that lead curl this way."""


class Direct(Way):
    """The client dials by itself."""

    def dial(self, host: str, port: int) -> socket.socket:
        """See Way."""
        return socket.create_connection((host, port), timeout=WAIT)

    def curl(self) -> tuple[str, ...]:
        """See Way."""
        return ("--noproxy", "*")


class Proxied(Way):
    """The client asks the HTTP proxy for a tunnel."""

    def dial(self, host: str, port: int) -> socket.socket:
        """See Way."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        sock = self.open()
        try:
            answer = self.connect(sock, target.encode())
        except BaseException:
            sock.close()
            raise
        if not answer.startswith("HTTP/1.1 200"):
            sock.close()
            raise Refused(answer.partition("\r\n")[0])
        return sock

    def curl(self) -> tuple[str, ...]:
        """See Way."""
        return ("--proxy", "http://{}:{}".format(*self.given["http"]))

    def open(self, kind: str = "http") -> socket.socket:
        """A connection to the proxy itself, to its `http` or `socks` port."""
        host, port = self.given[kind]
        return socket.create_connection((host, port), timeout=WAIT)

    def connect(self, sock: socket.socket, target: bytes) -> str:
        """Ask for a tunnel; the head of the answer."""
        sock.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer and (data := sock.recv(1)):
            answer += data
        return answer.decode("latin-1")

    def socks(self, host: bytes, port: int = 443, command: int = 1) -> str:
        """Ask the SOCKS5 port for a name; its answers, in hexadecimal."""
        with self.open("socks") as sock:
            sock.sendall(b"\x05\x01\x00" + bytes([5, command, 0, 3, len(host)]) + host + struct.pack("!H", port))
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            while len(answer) < 12 and (data := sock.recv(100)):
                answer += data
        return answer.hex()
