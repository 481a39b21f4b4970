"""Worlds: all state behind the stubs, as versioned rows that fork in constant time. Only this layer and `ledger` know SQL.

A call is one transaction (`World.transaction`). Nothing is overwritten: an entity's new state is a new row under the
call's number, so a past state is a number and a fork is a parent with a number.
"""

from . import deliveries, worldfile
from .clock import REAL, ClockSettings
from .compare import Comparison
from .deliveries import Delivery
from .difference import MISSING, Difference, differences
from .due import FAILED, MOST, Worker, perform
from .lineage import Branch, Record
from .outbox import Mail, Then, told
from .patch import json_patch, pointer
from .schedule import OUTBOX, Job
from .snapshot import Snapshot
from .store import NAME, NAMES, Store, checked_name
from .transaction import Transaction
from .world import World

__all__ = [
    "FAILED",
    "MISSING",
    "MOST",
    "NAME",
    "NAMES",
    "OUTBOX",
    "REAL",
    "Branch",
    "ClockSettings",
    "Comparison",
    "Delivery",
    "Difference",
    "Job",
    "Mail",
    "Record",
    "Snapshot",
    "Store",
    "Then",
    "Transaction",
    "Worker",
    "World",
    "checked_name",
    "deliveries",
    "differences",
    "json_patch",
    "perform",
    "pointer",
    "told",
    "worldfile",
]
