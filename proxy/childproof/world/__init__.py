"""Worlds: all state behind the stubs, as versioned rows that fork in constant time. Only this layer and `ledger` know SQL.

A call is one transaction (`World.transaction`). Nothing is overwritten: an entity's new state is a new row under the
call's number, so a past state is a number and a fork is a parent with a number.
"""

from .clock import REAL, ClockSettings
from .difference import MISSING, Difference, differences
from .due import run_due
from .lineage import Branch, Record
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
    "Difference",
    "Job",
    "Record",
    "Snapshot",
    "Store",
    "Transaction",
    "World",
    "differences",
    "run_due",
]
