"""What every part of the context starts from: whose call this is, the moment, ids and randomness."""

import random
from functools import cached_property
from typing import Any

from childproof.model import Call, Effect
from childproof.stubkit.clock import stamp
from childproof.stubkit.ids import ALNUM
from childproof.stubkit.service import Plan, Service
from childproof.world.transaction import Transaction


class Moment:
    """The call, its transaction and its time. The parts of a `Context` are written over this; `Context` fills it."""

    call: Call
    service: str
    operation: str
    request_id: str | None
    effects: list[Effect]
    _service: Service
    _tx: Transaction
    _plan: Plan | None
    _quiet: bool
    _tenant: str
    _home: str  # whose things a generic operation is about (`@finds`)
    _passes: bool  # whether it may let time pass

    def header(self, name: str) -> str | None:
        """A request header, whatever its case; None where it is missing."""
        return self.call.header(name)

    def now(self) -> Any:
        """The world's time as this service writes it (`dialect.time`); the same throughout one call."""
        return stamp(self._tx.now(), self._service.settings.time)

    def now_ms(self) -> int:
        """The world's time in unix milliseconds."""
        return self._tx.now()

    @cached_property
    def random(self) -> random.Random:
        """A generator that gives the same numbers for the same world, seed and call."""
        return self._tx.random(f"{self.service} {self.operation}")

    def token(self, n: int, alphabet: str = ALNUM) -> str:
        """`n` random characters, a new value at each use, repeatable with the world's seed."""
        return self._tx.token(self.service, n, alphabet)

    def _kind(self, name: str) -> str:
        """Where entities of a resource are stored: those of a tenant apart from everybody else's (`dialect.tenants`).

        And those of a home (`@finds`) from those of others, unless stub.yaml writes their resource.
        """
        if self._home and not self._service.registry.named(name).written:
            name = f"{name}@{self._home}"
        tenants = self._service.settings.tenants
        if not self._tenant or tenants is None or name in tenants.shared:
            return name
        return f"{name}@{self._tenant}"

    def new_id(self, resource: str) -> str:
        """A fresh id in the resource's format."""
        return self._service.registry.named(resource).new_id(self._tx)
