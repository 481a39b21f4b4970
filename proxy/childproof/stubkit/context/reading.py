"""The part of the context that reads: entities, lists and pages of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from childproof.stubkit.access.ratelimit import standing
from childproof.stubkit.declared.resources import DELETED, Resource
from childproof.stubkit.entity import Entity
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.reply.lists import ListDialect, Listed, Source
from childproof.stubkit.reply.rendering import address
from childproof.world.query import EVERYTHING, Query, Term

from .moment import Moment

if TYPE_CHECKING:
    import builtins


class Reading(Moment):
    """What a call sees of the world: this service's entities."""

    query: dict[str, Any]
    pages: Mapping[str, str]

    def get(self, resource: str, id: str, *, param: str | None = None) -> Entity:  # noqa: A002 - the concept's name
        """An entity. Raises the service's own not-found error; `param` names the parameter that held the id."""
        found = self.find(resource, id)
        if found is None:
            raise self.not_found(resource, id, param)
        return found

    def find(self, resource: str, id: str, *, deleted: bool = False) -> Entity | None:  # noqa: A002
        """An entity, or None; with `deleted`, also one that was deleted softly (it then has `"deleted": True`)."""
        name = self._service.registry.named(resource).name
        value = self._tx.get(self.service, self._kind(name), id)
        if value is None and deleted:
            value = self._tx.get(self.service, self._kind(name) + DELETED, id)
        return Entity(name, id, value) if value is not None else None

    def not_found(self, resource: str, id: Any, param: str | None = None) -> Refusal:  # noqa: A002
        """The service's own not-found error, to be raised; `param` names the parameter that held the id."""
        registry = self._service.registry
        kind = registry.named(resource) if registry.knows(resource) else None
        label = kind.label if kind is not None else resource
        if param is None:
            named = kind.param if kind is not None and kind.param else None
            return Refusal.of("not_found", param=named, resource=label, value=id, id=id)
        return Refusal.of("not_found_parameter", param=param, resource=label, value=id, id=id)

    def list(
        self, resource: str, /, *, newest_first: bool = True, limit: int | None = None, **where: Any
    ) -> "builtins.list[Entity]":
        """Entities in order of creation whose fields equal `where`; use `page` for a list reply."""
        kind = self._service.registry.named(resource)
        found = self._tx.list(self.service, self._kind(kind.name), where=where, newest_first=newest_first, limit=limit)
        return [self._entity(kind, value) for value in found]

    @property
    def limits(self) -> "dict[str, Mapping[str, Any]]":
        """How the caller stands with each limit of `dialect.rate_limit` that has a name: limit, remaining, used, reset."""
        rates = self._service.settings.rate_limits
        return standing(self._tx, self.service, rates, token=self.key or "")

    @property
    def key(self) -> str | None:
        """The key that the call carries (`auth`), None without one."""
        return self._service.auth.token(self.call)

    def page(self, source: "str | builtins.list[Any]", /, **where: Any) -> Any:
        """A list reply in the service's dialect, honouring the call's paging parameters.

        `source` is a resource (its entities whose fields equal `where`) or a list in the order of the reply. Without
        an operation's document, the dialect as written is taken.
        """
        plan = self._plan
        if not isinstance(source, str):
            return self._page(self._service.list_dialect(None) if plan is None else plan.lists, source)
        if plan is None:
            lists = self._service.list_dialect(None)
            return self._page(lists, source, Query(_equal(where), newest_first=lists.newest_first))
        orders, newest = plan.filtering.orders(self.query)
        return self._page(
            plan.lists, source, Query(_equal(where), orders, plan.lists.newest_first if newest is None else newest)
        )

    def _page(self, lists: ListDialect, source: "str | builtins.list[Any]", query: Query = EVERYTHING) -> Any:
        id_field = "id"
        rows: Source
        if isinstance(source, str):
            kind = self._service.registry.named(source)
            id_field = kind.id_field
            rows = _Stored(self, kind, query, lists.cursor)
        else:
            label = next((item.resource for item in source if isinstance(item, Entity)), "object")
            rows = Listed(
                source, lambda item: str(item.get("id")), lambda wanted: self.not_found(label, wanted, lists.cursor)
            )
        made = lists.page(
            rows,
            {**self.query},
            path=self.call.path,
            id_of=lambda item: str(item.get(id_field)),
            address=lambda changes: address(self.call, changes),
        )
        self.pages = made.pages
        return made.body

    def compute(self, entity: Entity, field: str) -> Any:
        """The value of a field that a function of the stub makes (`@expands`). LookupError where there is none."""
        behaviour = self._service.behaviours.expansions.get(f"{entity.resource}.{field}")
        if behaviour is None:
            raise LookupError(f"the stub {self.service} has no @expands({entity.resource!r}, {field!r})")
        return behaviour(self, entity)

    def _entity(self, kind: Resource, value: dict[str, Any]) -> Entity:
        return Entity(kind.name, str(value.get(kind.id_field)), value)


class _Stored:
    """The source of a list that is stored in the world. See `lists.Source`."""

    lasting = True

    def __init__(self, ctx: Reading, kind: Resource, query: Query, param: str) -> None:
        self._ctx = ctx
        self._kind = kind
        self._place = ctx._kind(kind.name)  # noqa: SLF001 - one unit with the context
        self._query = query
        self._param = param

    def window(self, *, after: str | None, before: str | None, skip: int, limit: int) -> list[dict[str, Any]]:
        """See `lists.Source`."""
        ctx, kind = self._ctx, self._kind
        try:
            found = ctx._tx.select(  # noqa: SLF001
                ctx.service, self._place, self._query, after=after, before=before, skip=skip, limit=limit
            )
        except LookupError:
            raise ctx.not_found(kind.name, after if after is not None else before, self._param) from None
        return [ctx._entity(kind, value) for _, value in found]  # noqa: SLF001

    def total(self) -> int:
        """See `lists.Source`."""
        return self._ctx._tx.total(self._ctx.service, self._place, self._query)  # noqa: SLF001


def _equal(where: Mapping[str, Any]) -> tuple[Term, ...]:
    return tuple(Term(name, "eq", value) for name, value in where.items())
