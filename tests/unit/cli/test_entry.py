"""Where the script begins: what a container's first process needs."""

import os
import signal

import pytest

from childproof.cli import entry
from childproof.cli import main as command_line


def test_the_first_process_of_a_container_ends_when_it_is_stopped_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel brings such a process only signals that it handles: SIGTERM ends it before any command does so."""
    before = signal.getsignal(signal.SIGTERM)
    real = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(command_line, "main", lambda: os.kill(real, signal.SIGTERM))
    try:
        with pytest.raises(SystemExit) as ended:
            entry.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 128 + signal.SIGTERM
