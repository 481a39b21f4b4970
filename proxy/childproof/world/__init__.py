"""Worlds: all state behind the stubs, as versioned rows that fork in constant time. Only this layer and `ledger` know SQL.

A call is one transaction (`World.transaction`). Nothing is overwritten: an entity's new state is a new row under the
call's number, so a past state is a number and a fork is a parent with a number.
"""

from . import worldfile
from .clock import REAL, ClockSettings
from .compare import Comparison
from .difference import MISSING, Difference, differences
from .due import run_due
from .lineage import Branch, Record
from .patch import json_patch, pointer
from .schedule import Job
from .snapshot import Snapshot
from .store import Store
from .transaction import Transaction
from .world import World

__all__ = [
    "MISSING",
    "REAL",
    "Branch",
    "ClockSettings",
    "Comparison",
    "Difference",
    "Job",
    "Record",
    "Snapshot",
    "Store",
    "Transaction",
    "World",
    "differences",
    "json_patch",
    "pointer",
    "run_due",
    "worldfile",
]
