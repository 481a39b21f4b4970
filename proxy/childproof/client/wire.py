"""Requests to one server over TCP or a unix socket, on connections that are kept.

The standard library's http.client, since whoever imports this pays for it: there is one server, nearby, and no
redirect, cookie or proxy to follow.
"""

import collections
import http.client
import os
import re
import select
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from childproof.errors import InputError

from .errors import FOREIGN, UNREACHABLE, ControlError, UnreachableError

LARGEST = 1 << 28  # bytes of a reply, an export among them: beyond it is something else, or nothing to hold in memory
_WAITS = 20  # times the timeout that a reply may take as a whole, from its head on
_PART = 1 << 18
WITHIN = 60.0  # seconds for a refusal of a stream
_AGAIN = ("GET", "HEAD", "PUT", "DELETE")  # what may be sent twice (RFC 9110, 9.2.2)
_PLAIN = re.compile(r"[\x21-\x7e]+")
_LOST = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


class Received(msgspec.Struct, frozen=True):
    """A whole reply. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class _Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


class Wire:
    """A server's address, and the connections to it that are open and idle. Threads may share one.

    `timeout` is in seconds, for each time that something is waited for. Raises InputError for an address that is none.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._token = bool(token)
        # Without a lock, which a fork might copy while a thread of its parent holds it.
        self._idle = collections.deque[http.client.HTTPConnection]()
        self._pid = os.getpid()
        self._unix = url.removeprefix("unix:").removeprefix("//") if url.startswith("unix:") else None
        self._secure, self._host, self._port, self._base = (False, "", None, "") if self._unix else _address(url)

    def request(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Received:
        """Ask, and read the whole reply. Raises UnreachableError where no server answers."""
        connection, kept = self._take()
        try:
            try:
                response = self._send(connection, method, path, content, headers)
            except _LOST:
                if not kept or method not in _AGAIN:
                    raise
                connection.close()  # the server had closed it: nobody read this
                response = self._send(connection, method, path, content, headers)
            content = whole(response, self.url, within=self.timeout * _WAITS)
            received = Received(
                response.status, {name.lower(): value for name, value in response.getheaders()}, content
            )
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreached(error) from None
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return received

    def stream(
        self, path: str, headers: Mapping[str, str], *, timeout: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """A reply whose end isn't waited for, on a connection that the caller closes. Raises UnreachableError."""
        connection = self._made(timeout)
        try:
            return connection, self._send(connection, "GET", path, None, headers)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreached(error) from None

    def close(self) -> None:
        """Close what is idle."""
        while (connection := self._kept()) is not None:
            connection.close()

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        media = {} if content is None else {"content-type": "application/json"}
        connection.request(
            method, self._base + path, body=content, headers={**self._headers, **media, **(headers or {})}
        )
        return connection.getresponse()

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was kept: one that the server hasn't closed, as far as one can see."""
        while (connection := self._kept()) is not None:
            if connection.sock is not None and not _readable(connection.sock):
                return connection, True
            connection.close()
        return self._made(self.timeout), False

    def _kept(self) -> http.client.HTTPConnection | None:
        if self._pid != os.getpid():  # a fork has its parent's connections, which are the parent's
            self._pid, self._idle = os.getpid(), collections.deque()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _made(self, timeout: float) -> http.client.HTTPConnection:
        if self._unix is not None:
            return _Unix(self._unix, timeout)
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=timeout)

    def _unreached(self, error: Exception) -> UnreachableError:
        start = "start one with: childproof serve --control ADDRESS"
        match error:
            case TimeoutError():
                said = f"{self.url} took longer than {self.timeout:g} seconds; is it stopped, or busy?"
            case FileNotFoundError():
                said = f"there is no socket {self._unix}; {start}"
            case ConnectionRefusedError():
                said = f"nobody listens at {self.url}; {start}"
            case PermissionError():
                said = f"{self.url} may not be opened by this user; it belongs to the user who started the server"
            case socket.gaierror():
                said = f"{self._host!r} is no host that this machine knows; look at the address {self.url}"
            case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError():
                said = f"{self.url} closed the connection without an answer; its standard error may say why"
            case http.client.HTTPException():
                said = f"{self.url} does not speak HTTP; is it the address of --control?"
            case OSError() if self._secure and type(error).__module__ == "ssl":
                said = _untrusted(self.url, error)
            case OSError():
                said = f"{self.url} can't be reached: {error.strerror or error}; {start}"
            case _:
                said = f"{self.url} can't be reached: {error}"
        return UnreachableError(0, UNREACHABLE, said)


def whole(response: http.client.HTTPResponse, url: str, *, within: float) -> bytes:
    """A reply's body. Raises ControlError for one that has no end in sight, TimeoutError after so many seconds."""
    deadline, content = time.monotonic() + within, bytearray()
    while part := response.read1(_PART):
        content += part
        if len(content) > LARGEST:
            found = f"{url} answers with more than {LARGEST >> 20} MiB, which childproof doesn't"
            raise ControlError(response.status, FOREIGN, f"{found}; is it the address of --control?")
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    response.close()  # which some versions of Python leave open at its end, and the connection with it
    return bytes(content)


def _address(url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is https, the host, the port, and the path before the API's. Raises InputError."""
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and not (parts.query or parts.fragment or parts.username)
        )
        port = parts.port
    except ValueError:  # a port that is none, brackets that aren't closed
        good, port = False, None
    if not good or not _PLAIN.fullmatch(url):
        raise InputError.single(
            "--server",
            f"{url!r}",
            "the address of a control API",
            "unix:/run/childproof.sock or http://127.0.0.1:15000",
        )
    return parts.scheme == "https", parts.hostname or "", port, parts.path.rstrip("/")


def _untrusted(url: str, error: OSError) -> str:
    """TLS that didn't come about."""
    why = getattr(error, "verify_message", "")
    if why:
        return f"{url} has a certificate that isn't trusted here: {why}; name its authority's file in SSL_CERT_FILE"
    reason = str(getattr(error, "reason", "") or error).replace("_", " ").lower()
    return f"{url} doesn't speak TLS ({reason}); childproof itself has http:// only"


def _readable(sock: socket.socket) -> bool:
    """Whether there is something to read, which on an idle connection is its end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
