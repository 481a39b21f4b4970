"""The sandbox's first process: starts the command, reaps, passes signals on, and ends with the command's status.

It has dropped every capability before the command exists, and can't be traced by it. When it ends, for whatever
reason, the kernel kills everything else in the sandbox.
"""

import contextlib
import errno
import os
import select
import signal
import socket
import stat
from collections.abc import Mapping, Sequence
from typing import NoReturn

import msgspec

from . import channel, linux

NOT_EXECUTABLE = 126
NOT_FOUND = 127
_LOOPBACK6 = bytes(15) + b"\x01"


class Inherited(msgspec.Struct, frozen=True):
    """How the parent treats signals: the command gets the same, but for what Python changed for itself."""

    ignored: frozenset[int]
    mask: frozenset[int]

    @classmethod
    def here(cls) -> "Inherited":
        """As it is in this process now."""
        python_own = {signal.SIGPIPE, signal.SIGXFSZ}
        ignored = {
            number
            for number in signal.valid_signals() - python_own
            if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number) == signal.SIG_IGN
        }
        return cls(frozenset(ignored), frozenset(signal.pthread_sigmask(signal.SIG_BLOCK, ())))


class Init:
    """Watches over one command until it ends."""

    def __init__(self, control: socket.socket, terminal: int | None) -> None:
        self._control = control
        self._terminal = terminal
        self._child = 0
        self._status: int | None = None

    def run(self, start: "Start", inherited: Inherited) -> int:
        """Start the command and wait; the status to end with. Ends at once when the parent is gone."""
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._child = os.fork()
        if self._child == 0:
            _become(start, inherited, self._terminal)
        with contextlib.suppress(OSError):
            os.setpgid(self._child, self._child)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        while self._status is None:
            for descriptor, _ in poll.poll():
                if descriptor == wake:
                    os.read(wake, 4096)
                    self._reap()
                elif not self._obey():
                    return 128 + signal.SIGKILL
        return self._status

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid != self._child:
                continue
            if os.WIFSTOPPED(status):
                with contextlib.suppress(OSError):
                    channel.send(self._control, {"stopped": os.WSTOPSIG(status)})
            else:
                code = os.waitstatus_to_exitcode(status)
                self._status = code if code >= 0 else 128 - code

    def _obey(self) -> bool:
        """Do what the parent asks; False when it is gone."""
        received = channel.heard(self._control)
        if received is None:
            return False
        frame, _ = received
        if "connect" in frame:
            with contextlib.suppress(OSError):  # the parent is gone: the next look at the channel tells
                self._connect(frame)
            return True
        with contextlib.suppress(OSError):
            if frame.get("foreground") and self._terminal is not None:
                os.tcsetpgrp(self._terminal, self._child)
            if "signal" in frame:
                number = int(frame["signal"])
                # A stopped or continued command means all of its job; anything else is for it alone, as kill(1) has it.
                target = os.killpg if number == signal.SIGCONT else os.kill
                target(self._child, number)
        return True

    def _connect(self, frame: channel.Frame) -> None:
        """Hand out a connection to one of the sandbox's own listeners. Whether it comes about is for the parent to see."""
        address, port = str(frame["address"]), int(frame["port"])
        answer = {"connected": frame["connect"]}
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            _check_own(family, address)
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            channel.send(self._control, {**answer, "errno": error.errno or errno.EINVAL})
            return
        with sock:
            code = sock.connect_ex((address, port))
            if code in (0, errno.EINPROGRESS):
                channel.send(self._control, answer, [sock.fileno()])
            else:
                channel.send(self._control, {**answer, "errno": code})


def _check_own(family: int, address: str) -> None:
    """Raises OSError for what is no address of the sandbox's loopback; a name would be looked up."""
    packed = socket.inet_pton(family, address)
    if not (packed == _LOOPBACK6 or (family == socket.AF_INET and packed[0] == 127)):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


class Start(msgspec.Struct, frozen=True):
    """What the command is, and whether it gets the terminal at once."""

    command: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    foreground: bool
    filter: bytes


def prepare() -> None:
    """Ignore what the terminal sends (the command gets its own), and give up every capability."""
    for number in (
        signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
        signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE,
    ):  # fmt: skip
        signal.signal(number, signal.SIG_IGN)


def _become(start: Start, inherited: Inherited, terminal: int | None) -> NoReturn:
    """Turn into the command. Any failure ends the process: 127 not found, 126 not executable, 125 ours."""
    name = start.command[0]
    try:
        os.setpgid(0, 0)
        if start.foreground and terminal is not None:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(terminal, os.getpid())
        os.chdir(start.cwd)
        _close_descriptors()
        linux.no_new_privileges()
        linux.install_filter(start.filter)
        _restore(inherited)
        _execute(start)
    except FileNotFoundError as error:
        # A script whose interpreter is missing is "not found" too, and so is a working directory that is hidden.
        place = "" if error.filename in (None, name) or "/" not in str(error.filename) else f" ({error.filename})"
        _give_up(f"{name}: {'command not found' if '/' not in name else 'no such file or directory'}{place}", NOT_FOUND)
    except NotADirectoryError as error:
        _give_up(f"{name}: {os.strerror(error.errno or errno.ENOTDIR).lower()}", NOT_FOUND)
    except OSError as error:
        _give_up(f"{name}: {os.strerror(error.errno or errno.EIO).lower()}", NOT_EXECUTABLE)
    except BaseException as error:  # noqa: BLE001 (whatever it is, there is nobody above to raise it to)
        _give_up(f"{name}: {error}", NOT_EXECUTABLE)


def _close_descriptors() -> None:
    """Leave the three standard streams, and no way past the mounts.

    The limit on open files tells nothing of descriptors that were opened under a higher one. A folder as a stream
    (`< .`) belongs to the file system outside, from where `..` leads to everything that is hidden here.
    """
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2:
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(descriptor)
        elif stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)


def _execute(start: Start) -> NoReturn:
    name, *_ = start.command
    if "/" in name:
        _exec(name, start)
    refused: OSError | None = None
    for folder in start.env.get("PATH", os.defpath).split(os.pathsep):
        candidate = os.path.join(folder, name)
        try:
            _exec(candidate, start)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            # A folder that can't be looked into holds no command; a file that can't be executed is one.
            refused = error if os.path.exists(candidate) else refused
    raise refused or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _exec(path: str, start: Start) -> NoReturn:
    try:
        os.execve(path, list(start.command), dict(start.env))
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without an interpreter line: a shell's, as execvp(3) has it.
        os.execve("/bin/sh", ["/bin/sh", path, *start.command[1:]], dict(start.env))


def _restore(inherited: Inherited) -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if number in (signal.SIGKILL, signal.SIGSTOP):
            continue
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN if number in inherited.ignored else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, inherited.mask)


def _give_up(message: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, f"childproof: {message}\n".encode("utf-8", "surrogateescape"))
    os._exit(code)
