"""From a call to its outcome: verdict, reply and ledger entry in one transaction. No I/O but the world's store."""

from .engine import DEFAULT_MAX_BODY, Engine
from .shortfall import NOTHING_MISSING, Missing

__all__ = ["DEFAULT_MAX_BODY", "NOTHING_MISSING", "Engine", "Missing"]
