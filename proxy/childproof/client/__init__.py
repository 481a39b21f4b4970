"""The control API from Python: `Client("unix:/run/childproof.sock")`, synchronous and typed.

It needs msgspec and the standard library alone, so that test suites and harnesses can import it at no cost.
"""

from .client import Client
from .errors import (
    AccessError,
    ChangedError,
    ConflictError,
    ControlError,
    InvalidError,
    NotFoundError,
    ServerError,
    TooManyError,
    UnreachableError,
)

__all__ = [
    "AccessError",
    "ChangedError",
    "Client",
    "ConflictError",
    "ControlError",
    "InvalidError",
    "NotFoundError",
    "ServerError",
    "TooManyError",
    "UnreachableError",
]
