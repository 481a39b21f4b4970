"""childproof: the child-proof egress layer for AI-agent sandboxes."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`childproof.sandbox`, imported when it is first asked for."""
    if name == "sandbox":
        from importlib import import_module  # noqa: PLC0415 (nobody else needs it)

        return import_module("childproof.sandbox")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
