"""Where the control API is asked, and what a client has to know: as it is configured, and as a bound socket."""

import contextlib
import ipaddress
import os
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from childproof.errors import Fault, InputError, ListenError
from childproof.model import Hidden, SecretSource, replace

from .listen import ADDRESS, Listen

PLACE = rf"unix:\S.*|{ADDRESS}"
SHORTEST = 16  # characters of a token: a shorter one is guessed
_LONGEST = 4096
_UNIX = "unix:"
_PATH_BYTES = 107  # of a unix socket's address


class Control(msgspec.Struct, frozen=True):
    """`listen` is HOST:PORT or unix:PATH, empty where only a token is known; `token` says where that is found."""

    listen: str
    token: SecretSource | None = None

    @property
    def path(self) -> str:
        """The unix socket's path; empty for TCP."""
        return self.listen.removeprefix(_UNIX) if self.listen.startswith(_UNIX) else ""

    @property
    def tcp(self) -> str:
        """HOST:PORT; empty for a unix socket."""
        return "" if self.path else self.listen

    @property
    def local(self) -> bool:
        """Whether it is a TCP port of the loopback."""
        return bool(self.tcp) and is_loopback(self.tcp)


def at(address: str, control: Control | None) -> Control:
    """The same at another address, a path from the working directory."""
    if address.startswith(_UNIX):
        address = f"{_UNIX}{Path(address.removeprefix(_UNIX).removeprefix('//')).absolute()}"
    return replace(control, listen=address) if control is not None else Control(address)


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT is of the loopback."""
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(control: Control, listeners: Sequence[Listen], environ: Mapping[str, str]) -> Hidden | None:
    """The token of a control API, None where none is needed and none is configured. Raises InputError."""
    if control.token is None:
        reached = "" if control.path or control.local else "others can reach this address"
        if any(listen.transparent for listen in listeners):
            reached = "redirected workloads share this network namespace, and its loopback"
        if reached:
            raise InputError.single(
                f"control {control.listen}", f"no token, and {reached}",
                "a token", "control: {listen: …, token: {file: /run/secrets/control-token}}",
            )  # fmt: skip
        return None
    try:
        text = _found(control.token, environ)
    except OSError as error:
        raise InputError.single("control.token", f"{control.token}: {error.strerror}", "a file with a token") from None
    if not SHORTEST <= len(text) <= _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise InputError.single(
            "control.token", f"{control.token} holds {len(text)} characters" if text else f"{control.token} is empty",
            f"a token of {SHORTEST} plain characters or more, without spaces", "openssl rand -hex 32",
        )  # fmt: skip
    return Hidden(text)


def exposed(control: Control) -> str:
    """What to say of a token's file that others may read; empty where they can't."""
    path = control.token.file if control.token is not None else ""
    try:
        mode = Path(path).stat().st_mode if path else 0
    except OSError:
        return ""
    return (
        f"control.token: everybody on this machine may read {path}; write: chmod 600 {path}"
        if mode & stat.S_IROTH
        else ""
    )


def _found(source: SecretSource, environ: Mapping[str, str]) -> str:
    if source.env:
        return environ.get(source.env, "").strip()
    with Path(source.file).open("rb") as file:
        return file.read(_LONGEST + 2).decode("ascii", "replace").strip()


def bind_unix(path: str) -> socket.socket:
    """A socket that only this user may open, listening: who comes before the API waits for it.

    It takes the place of what a server that was killed has left. Raises ListenError, also where another server lives there.
    """
    place = f"control {_UNIX}{path}"
    if "\0" in path:  # at its beginning it would be another kind of name, which anybody may connect to
        raise ListenError([Fault(place, 0, 0, "a path with a NUL in it", "one without")])
    if len(os.fsencode(path)) > _PATH_BYTES:
        raise ListenError([Fault(place, 0, 0, "a path that is too long", f"one of {_PATH_BYTES} bytes at most")])
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with contextlib.ExitStack() as undo:
        undo.callback(sock.close)
        before = os.umask(0o177)
        try:
            _make_room(path)
            sock.bind(path)
            sock.listen(128)
        except OSError as error:
            found = f"can't listen here: {error.strerror or error}"
            raise ListenError([Fault(place, 0, 0, found, "a path in a folder of this user's")]) from None
        except _TakenError as taken:
            raise ListenError([Fault(place, 0, 0, str(taken), "a path of its own")]) from None
        finally:
            os.umask(before)
        undo.pop_all()
    return sock


class _TakenError(Exception):
    """What is at the path stays there."""


def _make_room(path: str) -> None:
    """Remove a socket that nobody listens at. Raises _TakenError."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _TakenError("another file is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)  # noqa: PTH108 (a string as it was given)
            return
        except BlockingIOError:
            pass  # its queue is full: somebody lives there
    raise _TakenError("another server listens here")


Place = tuple[int, int]  # of a file: its device and its number there


def place_of(path: str) -> Place | None:
    """What tells the file at a path from another one that somebody puts there; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def unbind_unix(path: str, sock: socket.socket, made: Place | None) -> None:
    """Remove a socket's file, if it is still the one that was `made`, and close it: nobody takes the place of one that is open."""
    if made is not None and place_of(path) == made:
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 (a string as it was given)
    sock.close()
