"""A sealed sandbox as its parent sees it: launch early, start when the engine is ready, wait.

    sandbox = SealedSandbox.launch(spec)      # forks at once, before heavy imports and threads
    listeners = sandbox.handover()            # sockets made inside; blocks for some milliseconds at most
    sandbox.furnish(ca_cert=…, hidden=[…])    # mounts are made while this process goes on
    sandbox.start()                           # the command runs
    code = await sandbox.finished()

Any step that fails ends the sandbox before the command exists, as a SandboxError.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

import msgspec

from childproof.errors import SandboxError

from . import channel, reasons
from .init import Inherited

if TYPE_CHECKING:
    import asyncio

FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGTSTP,
)
_TERMINAL_WANTED = (signal.SIGTTIN, signal.SIGTTOU)


class SandboxSpec(msgspec.Struct, frozen=True):
    """What to run: the command, its environment before childproof's changes, and its working directory."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


class SandboxListeners(msgspec.Struct, frozen=True):
    """Sockets made inside the sandbox: TCP for every address, DNS over UDP (IPv4, IPv6), and the record of refusals.

    `refusals` goes to `nflog.RefusalReader`; None where the kernel has no NFLOG, and then refusals leave no record.
    """

    tcp: socket.socket
    dns: tuple[socket.socket, ...]
    refusals: socket.socket | None

    def close(self) -> None:
        """Close our ends: inside, connections are refused from then on."""
        for sock in (self.tcp, *self.dns, *filter(None, [self.refusals])):
            sock.close()


class SealedSandbox:
    """One sandbox: a process that this one started, and everything below."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self._pid = pid
        self._control = control
        self._code: int | None = None
        self._terminal = _foreground_terminal()
        self._mask: set[int] | None = None
        self._asked = 0
        self._connecting: dict[int, asyncio.Future[socket.socket]] = {}

    @classmethod
    def launch(cls, spec: SandboxSpec) -> "SealedSandbox":
        """Fork; the child makes the namespaces while this process goes on. Raises SandboxError where there is no Linux."""
        if sys.platform != "linux":
            raise reasons.unsupported()
        inherited = Inherited.here()
        ours, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        # Until the child has set its own handlers, a signal must not run this process's handlers in it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        try:
            pid = os.fork()
            if pid == 0:
                _be_child(ours, theirs, inherited, spec)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return cls(pid, ours)

    @property
    def returncode(self) -> int | None:
        """The command's exit code (128 + n for signal n); None while it runs."""
        return self._code

    def handover(self) -> SandboxListeners:
        """The sockets made inside. Blocks until they are there; raises SandboxError with the step that failed."""
        frame, descriptors = self._expect()
        sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        dns = int(frame["dns"])
        refusals = sockets[1 + dns] if frame["refusals"] else None
        return SandboxListeners(sockets[0], tuple(sockets[1 : 1 + dns]), refusals)

    def furnish(
        self,
        *,
        ca_cert: Path | bytes,
        hidden: Iterable[Path] = (),
        read_only: Iterable[Path] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Have the CA put in place, `hidden` files and folders made empty, and `read_only` ones unchangeable.

        `ca_cert` is a file, or what it holds. `environ` replaces variables of the command's environment. Doesn't wait for it: `start` does. A hidden file that doesn't exist yet can't be covered: make it before.
        """
        order = {
            "ca": (ca_cert if isinstance(ca_cert, bytes) else ca_cert.read_bytes()).decode("utf-8", "ignore"),
            "hidden": [os.fspath(path.absolute()) for path in hidden],
            "read_only": [os.fspath(path.absolute()) for path in read_only],
            "environ": dict(environ or {}),
        }
        with contextlib.suppress(OSError):  # it may have failed already: `handover` or `start` tells why
            channel.send(self._control, order)

    def start(self) -> None:
        """Let the command run, after `handover` and `furnish`.

        Raises SandboxError where a mount failed; the command has not been started then.
        """
        self._expect()
        foreground = self._terminal is not None and all(os.isatty(descriptor) for descriptor in (0, 1, 2))
        # A signal that comes after the command has begun and before `finished` has its handlers waits for them.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        self._ask({"foreground": foreground})

    async def finished(self) -> int:
        """Wait for the command's end, passing on signals that this process gets meanwhile; its exit code.

        Installs handlers for the running loop, which must be the main thread's, and takes them away again.
        """
        from asyncio import get_running_loop  # noqa: PLC0415 (35 ms, while the first process makes the namespaces)

        loop = get_running_loop()
        done = loop.create_future()

        def readable() -> None:
            if not self._react() and not done.done():
                done.set_result(None)

        for number in FORWARDED:
            loop.add_signal_handler(number, self.signal, number)
        self._unblock()
        loop.add_reader(self._control, readable)
        try:
            await done
        finally:
            loop.remove_reader(self._control)
            for number in FORWARDED:
                loop.remove_signal_handler(number)
        return self._collect()

    def wait(self) -> int:
        """As `finished`, without a loop and without passing signals on."""
        self._unblock()
        while self._code is None and self._react():
            pass
        return self._collect()

    async def connect(self, address: str, port: int) -> socket.socket:
        """A connection to a listener on the sandbox's loopback, made inside; while `finished` waits.

        It can't become a way out: what is handed out is a socket of the sandbox's own network. Raises OSError, among
        them ConnectionAbortedError where the command has ended.
        """
        if self._code is not None:
            raise ConnectionAbortedError("the command has ended")
        from asyncio import get_running_loop  # noqa: PLC0415 (likewise)

        loop = get_running_loop()
        self._asked += 1
        token, made = self._asked, loop.create_future()
        self._connecting[token] = made
        try:
            self._ask({"connect": token, "address": address, "port": port})
            sock: socket.socket = await made
        finally:
            self._connecting.pop(token, None)
        try:
            await established(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def signal(self, number: int) -> None:
        """Send the command a signal. One that ended already takes none."""
        if self._code is None:
            self._ask({"signal": int(number)})

    def kill(self) -> None:
        """End everything inside, at once; returns when all of it is gone."""
        if self._code is None:
            # Before its first process listens for signals, the closed channel is what ends it; later either does.
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            self._collect()

    def _react(self) -> bool:
        """Take one message from inside; False at the end."""
        received = channel.heard(self._control)
        if received is None:
            return False
        frame, descriptors = received
        if "connected" in frame:
            self._connected(frame, descriptors)
        if "stopped" in frame:
            self._stopped(Signals(frame["stopped"]))
        return True

    def _connected(self, frame: channel.Frame, descriptors: list[int]) -> None:
        sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        made = self._connecting.pop(int(frame["connected"]), None)
        if made is None or made.done():  # whoever asked has given up
            for sock in sockets:
                sock.close()
        elif sockets:
            made.set_result(sockets[0])
        else:
            code = int(frame["errno"])
            made.set_exception(OSError(code, os.strerror(code)))

    def _stopped(self, number: Signals) -> None:
        """The command stopped: give it the terminal if that is what it wants, else stop with it, as one job."""
        if self._terminal is None:
            return
        if number not in _TERMINAL_WANTED or not self._in_foreground():
            self._take_terminal()
            _stop_own_job()
        self._ask({"foreground": self._in_foreground(), "signal": int(signal.SIGCONT)})

    def _in_foreground(self) -> bool:
        return self._terminal is not None and _group_of(self._terminal) == os.getpgrp()

    def _take_terminal(self) -> None:
        if self._terminal is None:
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(self._terminal, os.getpgrp())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _unblock(self) -> None:
        if self._mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            self._mask = None

    def _ask(self, frame: Mapping[str, int | bool | str]) -> None:
        with contextlib.suppress(OSError):
            channel.send(self._control, frame)

    def _expect(self) -> tuple[channel.Frame, list[int]]:
        try:
            received = channel.receive(self._control)
        except OSError:
            received = None
        if received is None:
            self._collect()
            raise reasons.explain("the sandbox's first process", "it ended without a word", None)
        frame, descriptors = received
        if "failed" in frame:
            self._collect()
            raise reasons.explain(str(frame["failed"]), str(frame["error"]), frame["errno"])
        return frame, descriptors

    def _collect(self) -> int:
        """The keeper's status; everything inside is gone by then."""
        self._unblock()
        if self._code is None:
            _, status = os.waitpid(self._pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self._code = code if code >= 0 else 128 - code
            self._control.close()
            for made in self._connecting.values():
                if not made.done():
                    made.set_exception(ConnectionAbortedError("the command has ended"))
            if self._terminal is not None:
                self._take_terminal()
                os.close(self._terminal)
                self._terminal = None
        return self._code


def _be_child(ours: socket.socket, theirs: socket.socket, inherited: Inherited, spec: SandboxSpec) -> None:
    try:
        from .stage import keep  # noqa: PLC0415 (in the child, while the parent goes on with its own imports)

        ours.close()
        for number in FORWARDED:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        keep(theirs, inherited, spec.command, spec.env, spec.cwd)
    except BaseException as error:  # noqa: BLE001 (nothing may run on as a second copy of the parent)
        with contextlib.suppress(OSError):
            channel.send(theirs, {"failed": "starting the first process", "error": repr(error), "errno": None})
    finally:
        os._exit(125)


async def established(sock: socket.socket) -> None:
    """Wait until a connection that is under way is there. Raises OSError where it isn't made."""
    from asyncio import get_running_loop  # noqa: PLC0415 (likewise)

    loop = get_running_loop()
    writable = loop.create_future()

    def there() -> None:
        if not writable.done():
            writable.set_result(None)

    loop.add_writer(sock, there)
    try:
        await writable
    finally:
        loop.remove_writer(sock)
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _foreground_terminal() -> int | None:
    """Our controlling terminal, if our process group has it now; a background job leaves it alone."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    if _group_of(terminal) == os.getpgrp():
        return terminal
    os.close(terminal)
    return None


def _group_of(terminal: int) -> int:
    try:
        return os.tcgetpgrp(terminal)
    except OSError:
        return -1


def _stop_own_job() -> None:
    """Stop this process and the rest of its pipeline, as the terminal would have; returns when continued."""
    handler = signal.getsignal(signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.killpg(os.getpgrp(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)


__all__ = ["FORWARDED", "SandboxError", "SandboxListeners", "SandboxSpec", "SealedSandbox"]
