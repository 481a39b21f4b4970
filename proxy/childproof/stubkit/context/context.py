"""The one object that behaviour code is handed: the request as values, and the world as this service sees it.

Its parts are modules of their own: `moment` (time, ids, randomness), `reading`, `writing`, `telling` (events and jobs),
`streaming`, `mailing` and `files`.
"""

from collections.abc import Mapping
from typing import Any

from childproof.model import Call, Effect
from childproof.stubkit.entity import Entity
from childproof.stubkit.generic import supposing
from childproof.stubkit.mail.mailing import Mailing
from childproof.stubkit.service import Plan, Service
from childproof.stubkit.streams.streaming import Streaming
from childproof.world.transaction import Transaction

from .files import Files
from .writing import Writing, merged_metadata

__all__ = ["Context", "merged_metadata"]


class Context(Writing, Streaming, Mailing, Files):
    """What one operation sees and does.

    `call` is the call as it came; `path`, `query` and `body` are its values, checked against the schema and of its
    types. `operation` is its name (`POST /v1/charges`), `request_id` what the reply's request-id header will say.
    All changes belong to the call's transaction: they are stored together with the reply, or not at all.
    """

    def __init__(
        self,
        service: Service,
        tx: Transaction,
        call: Call,
        *,
        plan: Plan | None = None,
        path: Mapping[str, str] | None = None,
        query: dict[str, Any] | None = None,
        body: Any = None,
        request_id: str | None = None,
        quiet: bool = False,
        passes: bool = False,
        tenant: str = "",
    ) -> None:
        self.call = call
        self.service = service.name
        self.operation = plan.operation.name if plan is not None else ""
        self.path: Mapping[str, str] = path or {}
        self.query: dict[str, Any] = query if query is not None else {}
        self.body: dict[str, Any] = body if body is not None else {}
        self.request_id = request_id
        self.effects: list[Effect] = []
        self.pages: Mapping[str, str] = {}
        self.synthesized = False
        self.failure = ""  # the head of the traceback, where the stub's own code failed
        self._service = service
        self._tx = tx
        self._plan = plan
        self._quiet = quiet
        self._passes = passes
        self._tenant = tenant
        self._home = ""

    def call_generic(self) -> Any:
        """What this operation would do without behaviour code: create, retrieve, update, delete or list."""
        from childproof.stubkit.generic import generic  # noqa: PLC0415 - generic operations are written against this class

        if self._plan is None:
            raise LookupError("call_generic() belongs into an operation")
        return generic.perform(self, self._service, self._plan, self._tx)

    @property
    def tenant(self) -> str:
        """Whose things this is about (`dialect.tenants`): a tenant's id, or "" for those of the key itself."""
        return self._tenant

    def within(self, tenant: str) -> "Context":
        """The same call among the things of a tenant ("" for those of the key itself): what is told counts as told here."""
        made = self._again(self._tx)
        made._tenant = tenant  # noqa: SLF001 - a context of its own kind
        made._quiet = self._quiet  # noqa: SLF001
        made.effects = self.effects
        return made

    def quietly(self) -> "Context":
        """The same call, of which nothing is told."""
        made = self._again(self._tx)
        made._quiet = True  # noqa: SLF001 - a context of its own kind
        return made

    def found(self, resource: str, id: str, /, **parents: Any) -> Entity | None:  # noqa: A002 - the concept's name
        """As `find`; with `unknown_ids: synthesize`, what is supposed to be there, with `parents` among its fields."""
        kind = self._service.registry.named(resource)
        found = self.find(resource, id)
        if found is not None or not kind.supposed or self._tx.was(self.service, self._kind(kind.name), id):
            return found
        self.synthesized = True
        return supposing.supposed(self, self._service, self._tx, kind, id, **parents)

    def get(self, resource: str, id: str, *, param: str | None = None) -> Entity:  # noqa: A002
        """See `Reading.get`."""
        found = self.found(resource, id)
        if found is None:
            raise self.not_found(resource, id, param)
        return found

    def _again(self, tx: Transaction) -> "Context":
        """The same request in another transaction."""
        made = Context(self._service, tx, self.call, plan=self._plan, path=self.path, query=self.query, body=self.body)
        made.request_id, made._tenant, made._home = self.request_id, self._tenant, self._home
        return made
