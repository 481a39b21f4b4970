"""Signals of a server: the first one that ends it asks, the second one insists; SIGHUP has everything read again."""

import asyncio
import signal
from collections.abc import Callable
from typing import Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Listens to signals while the block runs, which is in the event loop's thread.

    Once one has asked, those that come after the block change nothing any more: the report and the process' exit code are
    all that is left, and whoever stops a server often says so twice.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()
        self.by = ""  # the signal's name
        self._hang_up: Callable[[], None] = lambda: None

    def when_hung_up(self, told: Callable[[], None]) -> None:
        """What SIGHUP does from now on; before, nothing: what was just read needs no reading."""
        self._hang_up = told

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (*STOP_SIGNALS, signal.SIGHUP):
            loop.remove_signal_handler(number)
            if self.asked.is_set():
                signal.signal(number, signal.SIG_IGN)

    def _hung_up(self) -> None:
        self._hang_up()

    def _stop(self, number: signal.Signals) -> None:
        if self.asked.is_set():
            self.insisted.set()
        self.by = self.by or number.name
        self.asked.set()
