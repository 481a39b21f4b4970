"""Where the listeners of sealed sandboxes are handed over: a unix socket beside the control API's own.

Whoever seals a command makes its namespaces, and so its listeners; who serves them is the server. A client opens a connection,
says which sandbox it is and its secret, and sends the sockets along (SCM_RIGHTS). The connection lasts as long as the sandbox:

    client  {"sandbox", "secret", "dns": 2, "refusals": true, "environ": {…}}  with TCP, DNS and NFLOG sockets
    server  {"serving": true, "environ": {…}}    the variables that hold real credentials, with stand-ins instead
    server  {"connect": 1, "address", "port"}    for a webhook, any number of times
    client  {"connected": 1}  with a socket, or {"connected": 1, "errno": 111}
    client  {"ended": true}                      the command is over
    server  {"closed": true}                     and all of its calls are recorded

Where a side is gone, the other one ends what is left: the server the sandbox, the client the command.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from childproof.errors import ListenError
from childproof.run.config.controladdress import Place, place_of, unbind_unix
from childproof.run.doors import DoorSockets
from childproof.sandbox import channel
from childproof.sandbox.sealed import established

from .frames import Frames, FramesError
from .peers import peer_uid
from .sandboxes import MOST as MOST_SANDBOXES
from .sandboxes import Sandboxes

MOST = MOST_SANDBOXES + 100  # connections at once: each sealed sandbox has one
_BACKLOG = 256
_HELLO_SECONDS = 10.0
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_NETFILTER = 12  # the netlink family by which the kernel tells of refusals


def beside(control: str) -> str:
    """Where the listeners are handed over, for an API at this path."""
    return f"{control}.sandboxes"


class Handover:
    """Listens while the block runs. `stand_ins` replaces what a command's environment must not hold."""

    def __init__(
        self,
        path: str,
        sandboxes: Sandboxes,
        stand_ins: Callable[[dict[str, str]], dict[str, str]],
        say: Callable[[str], None],
    ) -> None:
        self._path = path
        self._sandboxes = sandboxes
        self._stand_ins = stand_ins
        self._say = say
        self._clients: set[asyncio.Task[None]] = set()
        self._socket: socket.socket | None = None
        self._made: Place | None = None
        self._later: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._socket = _listening(self._path)
        self._made = place_of(self._path)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._socket is not None
        if self._later is not None:
            self._later.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        unbind_unix(self._path, self._socket, self._made)
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self) -> None:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        try:
            sock, _ = self._socket.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):  # who waits is accepted when there are descriptors again
                loop.remove_reader(self._socket)
                self._later = loop.call_later(1.0, loop.add_reader, self._socket, self._accept)
            return
        if peer_uid(sock) not in (os.getuid(), 0) or len(self._clients) >= MOST:
            sock.close()
            return
        sock.setblocking(False)
        task = loop.create_task(self._serve(sock))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, sock: socket.socket) -> None:
        frames = Frames(sock)
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                hello, descriptors = await frames.next()
            await self._guest(frames, hello, descriptors)
        except (FramesError, TimeoutError, OSError):
            pass  # who doesn't speak our language is nobody of ours
        except Exception as error:  # noqa: BLE001 (this client's alone; the others are served)
            self._say(f"a sealed sandbox could not be served: {type(error).__name__}: {error}")
        finally:
            frames.close()

    async def _guest(self, frames: Frames, hello: channel.Frame, descriptors: list[int]) -> None:
        sockets = _sockets(descriptors)
        with contextlib.ExitStack() as undo:
            for sock in sockets:
                undo.callback(sock.close)
            sandbox, doors = str(hello.get("sandbox", "")), _doors(hello, sockets)
            if not self._sandboxes.waiting(sandbox, str(hello.get("secret", ""))) or doors is None:
                await frames.send({"failed": "no sealed sandbox waits for this: it expired, or the secret is another"})
                return
            inside = _Inside(frames)
            try:
                await self._sandboxes.take_over(sandbox, doors, inside.connect, frames.hang_up)
                await frames.send({"serving": True, "environ": self._stand_ins(_environ(hello))})
                while "ended" not in (frame := await self._heard(frames, inside)):
                    pass
                del frame
                await self._sandboxes.hand_back(sandbox)
                await frames.send({"closed": True})
                with contextlib.suppress(FramesError):
                    while True:
                        await self._heard(frames, inside)
            finally:
                inside.over()
                with contextlib.suppress(LookupError):  # deleted by its client, or on its way
                    await asyncio.shield(self._sandboxes.delete(sandbox))

    @staticmethod
    async def _heard(frames: Frames, inside: "_Inside") -> channel.Frame:
        frame, descriptors = await frames.next()
        if "connected" in frame:
            inside.connected(frame, descriptors)
        else:
            for descriptor in descriptors:
                os.close(descriptor)
        return frame


class _Inside:
    """Connections to the loopback of a sandbox that its client seals: asked for over the channel, made inside."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[socket.socket]] = {}
        self._over = False

    async def connect(self, address: str, port: int) -> socket.socket:
        """A connection to a listener there. Raises OSError, among them ConnectionAbortedError where the sandbox has ended."""
        if self._over:
            raise ConnectionAbortedError("the sandbox has ended")
        self._asked += 1
        number, made = self._asked, asyncio.get_running_loop().create_future()
        self._waiting[number] = made
        try:
            await self._frames.send({"connect": number, "address": address, "port": port})
            sock: socket.socket = await made
        except FramesError:
            raise ConnectionAbortedError("the sandbox has ended") from None
        finally:
            self._waiting.pop(number, None)
        try:
            await established(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def connected(self, frame: channel.Frame, descriptors: list[int]) -> None:
        """The client's answer."""
        sockets = _sockets(descriptors)
        number = frame["connected"]
        made = self._waiting.pop(number, None) if isinstance(number, int) else None
        if made is not None and not made.done() and sockets:
            sock = sockets.pop(0)
            sock.setblocking(False)
            made.set_result(sock)
        elif made is not None and not made.done():
            code = frame.get("errno")
            code = code if isinstance(code, int) and code in errno.errorcode else errno.ECONNREFUSED
            made.set_exception(OSError(code, os.strerror(code)))
        for sock in sockets:
            sock.close()

    def over(self) -> None:
        """The client is gone."""
        self._over = True
        for made in self._waiting.values():
            if not made.done():
                made.set_exception(ConnectionAbortedError("the sandbox has ended"))


def _sockets(descriptors: list[int]) -> list[socket.socket]:
    """Descriptors as sockets. Raises FramesError where one is none; then all of them are closed."""
    sockets: list[socket.socket] = []
    try:
        sockets.extend(socket.socket(fileno=descriptor) for descriptor in descriptors)
    except OSError:
        for sock in sockets:
            sock.close()
        for descriptor in descriptors[len(sockets) :]:
            os.close(descriptor)
        raise FramesError("a descriptor that is no socket") from None
    return sockets


def _doors(hello: channel.Frame, sockets: list[socket.socket]) -> DoorSockets | None:
    """The sockets by what they are for; None where they aren't those of a sandbox."""
    try:
        dns, refusals = int(hello["dns"]), bool(hello["refusals"])
    except (KeyError, OverflowError, TypeError, ValueError):
        return None
    if not 0 <= dns <= 4 or len(sockets) != 1 + dns + refusals:
        return None
    kinds = [socket.SOCK_STREAM, *[socket.SOCK_DGRAM] * dns]
    if any(sock.type != kind or sock.family not in _FAMILIES for sock, kind in zip(sockets, kinds, strict=False)):
        return None
    if not sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return None
    if refusals and (sockets[-1].family != socket.AF_NETLINK or sockets[-1].proto != _NETFILTER):
        return None
    return DoorSockets((sockets[0],), tuple(sockets[1 : 1 + dns]), refusals=sockets[-1] if refusals else None)


def _environ(hello: channel.Frame) -> dict[str, str]:
    found: Any = hello.get("environ")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _listening(path: str) -> socket.socket:
    """A socket that only this user may open, in the place of what a server that was killed has left. Raises ListenError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)
    try:
        if Path(path).is_socket():
            os.unlink(path)  # noqa: PTH108 (whoever serves the API at the path beside it serves this)
        sock.bind(path)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError.single(
            f"control {path}", f"can't listen here: {error.strerror or error}", "a path in a folder of this user's"
        ) from None
    finally:
        os.umask(before)
    return sock
