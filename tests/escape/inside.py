"""What attempts to get out have in common: a table of them, ways to talk, and a runner.

A script of attempts runs inside a sandbox and prints one JSON object: for each attempt what came of it, or the
exception's name. Whether anything left is the sinkhole's to say, and what was recorded the ledger's.
"""

import ctypes
import json
import socket
import sys
from collections.abc import Callable

WAIT = 15
SECRET = "c4nary-0f-the-test"
libc = ctypes.CDLL(None, use_errno=True)
attempts: dict[str, Callable[[], object]] = {}


def attempt[T: Callable[[], object]](function: T, name: str = "") -> T:
    """Add an attempt to the table, under its own name or another."""
    attempts[name or function.__name__] = function
    return function


def run() -> None:
    seen: dict[str, object] = {}
    for name, function in attempts.items():
        try:
            seen[name] = function()
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the attempt's result)
            seen[name] = f"{type(error).__name__}: {error}"
    sys.stdout.write(json.dumps(seen) + "\n")


def tried(*actions: Callable[[], object]) -> list[str]:
    """What each came to: `done`, or the error's name."""
    names = []
    for action in actions:
        try:
            action()
            names.append("done")
        except OSError as error:
            names.append(type(error).__name__)
    return names


def dial(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), timeout=WAIT)


def reads(sock: socket.socket, most: int = 300) -> str:
    try:
        got = b""
        while len(got) < most and (data := sock.recv(most)):
            got += data
    except ConnectionResetError:
        return "reset" if not got else got.decode("latin-1")
    return got.decode("latin-1")
