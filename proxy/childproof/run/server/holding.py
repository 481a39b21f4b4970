"""One server for each store: a lock on a file beside it, which goes with the process, however that ends.

Several processes may read and write worlds at once, and commands and runs beside a server do. But what a server does by itself
each of two would do: send webhooks that are due, and take back sandboxes whose time is over.
"""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from childproof.errors import StoreError

SUFFIX = ".serve"
LOOK = 0.1  # seconds between two tries
LONGER = 5.0  # seconds beyond the grace of a server that is about to end: its report, and its last connections
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_SHOWN = 100  # characters of who holds it


class Held(msgspec.Struct, frozen=True):
    """A store that nobody else serves meanwhile; without a descriptor where its file system knows no locks."""

    path: Path
    descriptor: int = -1

    @classmethod
    def of(cls, store: str, patience: float, *, stopped: Callable[[], bool], say: Callable[[str], None]) -> Self | None:
        """Wait until nobody serves it, for so many seconds. None where `stopped` says so before.

        Raises StoreError, naming who does. Blocks: in a thread.
        """
        path = Path(os.path.realpath(store) + SUFFIX)
        if store in (":memory:", "") or not os.access(path.parent, os.W_OK | os.X_OK):
            return cls(path)  # nobody's but ours; or opening it will say what is wrong
        until, said = time.monotonic() + patience, False
        while True:
            try:
                taken = _take(path)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    say(f"{path} can't be locked ({error.strerror}): see to it that no second server has this store")
                    return cls(path)
                raise StoreError(f"{path} can't be opened ({error.strerror}); remove it, or mend its folder") from None
            if isinstance(taken, int):
                return cls(path, taken)
            if time.monotonic() >= until:
                raise StoreError(
                    f"{store} is served by {taken} already, also after {patience:g} s; stop that one, or choose another "
                    "file with --db or `store:`"
                )
            if not said:
                say(f"{store} is served by {taken}: waiting until that ends, for {patience:g} s at most")
                said = True
            if stopped():
                return None
            time.sleep(LOOK)

    def release(self) -> None:
        """Let others serve it."""
        if self.descriptor < 0:
            return
        with suppress(OSError):
            if _is_at(self.descriptor, self.path):
                self.path.unlink()  # while it is held: who opened it before looks again
        os.close(self.descriptor)


def _take(path: Path) -> int | str:
    """A descriptor that holds the lock, or who holds it. Raises OSError."""
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                with suppress(OSError):  # a full disk: who it is will not be known, and it is held
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
                return descriptor
        except BlockingIOError:
            who = os.pread(descriptor, _SHOWN, 0).decode("ascii", "replace")
            os.close(descriptor)
            return "".join(sign for sign in who if sign.isprintable()) or "another process"
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who held it removed it


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that has this name."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))  # noqa: PTH116 (of no link)
    return False
