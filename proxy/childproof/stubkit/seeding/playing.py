"""Playing a stub's operations at times of the past, so that what they leave is exactly what real calls leave."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from childproof.model import Call, Envelope, Protocol
from childproof.stubkit.context.context import Context
from childproof.stubkit.document.routing import parameters
from childproof.stubkit.entity import Entity
from childproof.stubkit.generic import generic
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.service import Service
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from .timeline import Later


class SeedContext(Context):
    """The context of one step of a recipe: a Context that tells no events of its own and can play operations.

    What it creates directly is as silent as a seed; what it plays tells what a call would.
    """

    def __init__(self, service: Service, tx: Transaction, later: "Later", made: dict[str, list[str]]) -> None:
        super().__init__(service, tx, Call(Protocol.HTTP, service.host, 443, world=tx.world), quiet=True)
        self._later = later
        self._made = made

    @property
    def transaction(self) -> Transaction:
        """The world's, for the kit's own steps."""
        return self._tx

    def play(self, operation: str, body: Mapping[str, Any] | None = None, /, **path: str) -> Any:
        """What an operation makes of a request: `ctx.play("POST /v1/refunds", {"charge": charge.id})`.

        Path parameters are given by name. The body is read and checked as a call's. A refusal that keeps its changes (a
        declined payment) is the outcome and is given back; any other is raised: the recipe asked for the impossible.
        """
        service = self._service
        method, _, template = operation.partition(" ")
        plan = service.plan(method, template)
        if plan is None:
            raise LookupError(f"the stub {self.service} has no operation {operation}")
        target = template
        for name in parameters(template):
            target = target.replace("{" + name + "}", quote(path[name], safe=""))
        raw = b"" if body is None else msgspec.json.encode(body)  # JSON also where clients send forms: it has types
        host, base = service.address(plan.operation)
        headers = {
            **({"Content-Type": "application/json"} if raw else {}),
            **service.auth.example(),
        }  # by a key's owner
        call = Call(
            Protocol.HTTP, host, 443, scheme="https", world=self._tx.world, method=method,
            path=base + target, headers=tuple(headers.items()), body=raw, tls=True,
        )  # fmt: skip
        query, read = plan.reader.values(call)
        request_id = next(
            (made.make(self._tx) for made in service.settings.headers
             if made.make is not None and "request-id" in made.name.lower()), None,
        )  # fmt: skip
        ctx = _Played(service, self._tx, call, self._made, plan=plan, path=path, query=query, body=read,
                      request_id=request_id)  # fmt: skip
        try:
            if plan.behaviour is not None:
                return plan.behaviour(ctx, **path)
            if plan.declared is not None:
                return generic.declared(ctx, service, plan, self._tx)
            return generic.perform(ctx, service, plan, self._tx)
        except Refusal as refusal:
            if refusal.keep_changes:
                return refusal
            raise

    def receive(self, sender: str, recipients: Iterable[str], message: str | bytes, *, service: str = "") -> None:
        """Hand a mail message (headers, an empty line, text) to the stub's `@receives("smtp")`, as if `service` had sent it."""
        behaviour = self._service.behaviours.receivers.get("smtp")
        if behaviour is None:
            raise LookupError(f"the stub {self.service} takes no mail")
        raw = message if isinstance(message, bytes) else message.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        call = Call(
            Protocol.SMTP, self._service.host, 587, world=self._tx.world, body=raw,
            envelope=Envelope(sender, tuple(recipients), service=service),
        )  # fmt: skip
        behaviour(_Played(self._service, self._tx, call, self._made))

    def later(self, at: int, step: Any) -> None:
        """Do another step at a later time of the past (unix milliseconds); what lies after the world's start isn't done."""
        self._later(at, step)

    def any(self, resource: str) -> str | None:
        """The id of an entity of a resource that this seeding has made so far; None where there is none."""
        made = self._made.get(resource)
        return made[self._tx.random(f"any {resource}").randrange(len(made))] if made else None

    def newest(self, resource: str) -> str | None:
        """The id of the entity of a resource that was made last; None where there is none."""
        made = self._made.get(resource)
        return made[-1] if made else None

    def create(self, resource: str, _id: str | None = None, /, **fields: Any) -> Entity:
        """As `Context.create`."""
        entity = super().create(resource, _id, **fields)
        self._made.setdefault(entity.resource, []).append(entity.id)
        return entity


class _Played(Context):
    """An operation's context; what it creates is known to later steps."""

    def __init__(
        self, service: Service, tx: Transaction, call: Call, made: dict[str, list[str]], **values: Any
    ) -> None:
        super().__init__(service, tx, call, **values)
        self._made = made

    def create(self, resource: str, _id: str | None = None, /, **fields: Any) -> Entity:
        entity = super().create(resource, _id, **fields)
        self._made.setdefault(entity.resource, []).append(entity.id)
        return entity
