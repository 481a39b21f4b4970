"""Lines for a descriptor that may be slow, full or closed: written by a thread, so that nothing waits for them."""

import os
import threading
from collections import deque
from collections.abc import Callable

MOST = 10_000  # lines that may wait; what comes beyond is counted
FLUSH = 0.5  # seconds at the end for what waits


class Lines:
    """Takes lines from any thread and never raises. `lost(n)` makes the line that says how many are missing before it."""

    def __init__(self, descriptor: int, lost: Callable[[int], str], *, most: int = MOST) -> None:
        self._descriptor = descriptor
        self._lost = lost
        self._most = most
        self._waiting: deque[str] = deque()
        self._missing = 0
        self._ended = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="childproof-log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Write `line`, a newline behind it, as soon as there is room."""
        with self._wake:
            if self._ended or len(self._waiting) >= self._most:
                self._missing += 1
            else:
                self._waiting.append(line)
                self._wake.notify()

    def close(self, within: float = FLUSH) -> None:
        """Write what waits, as far as that is possible in so many seconds."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(within)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._ended:
                    self._wake.wait()
                if not self._waiting:
                    return
                lines = [self._waiting.popleft() for _ in range(min(100, len(self._waiting)))]
                missing, self._missing = self._missing, 0
            # What is missing came after what waits: it is said at the next line that does get through.
            if not self._write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")):
                missing += len(lines)
            if missing and not self._write(f"{self._lost(missing)}\n".encode()):
                with self._wake:
                    self._missing += missing

    def _write(self, data: bytes) -> bool:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:  # nobody reads any more, or a full disk: the next line may have more luck
                return False
        return True
