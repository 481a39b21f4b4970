"""What a world holds, over the API: entities by service, kind and id."""

from contextlib import AbstractContextManager

import msgspec

from childproof.world import Snapshot

from . import messages, messages_record
from .desk import Desk
from .operation import Answer, Asked, Operation
from .problems import Mistake, Problem, not_found

_BASE = "/v1/worlds/{world}/entities"
_UNKNOWN = "no such world"


class Holdings(msgspec.Struct, frozen=True):
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", _BASE, "listKinds", "The kinds of entities that a world holds, of all services", self.kinds,
                answer=messages_record.Kinds, problems={404: _UNKNOWN},
                gives={"service": "$response.body#/kinds/0/service", "kind": "$response.body#/kinds/0/kind"},
                about="And how many there are of each; kinds without any are left out.",
            ),
            Operation(
                "GET", f"{_BASE}/{{service}}", "listKindsOfService", "The kinds of a service's entities", self.kinds,
                answer=messages_record.Kinds, problems={404: _UNKNOWN}, gives={"kind": "$response.body#/kinds/0/kind"},
                about="None for a service that the world hasn't used.",
            ),
            Operation(
                "GET", f"{_BASE}/{{service}}/{{kind}}", "listEntities", "The entities of a kind, in order of creation",
                self.list, query=messages_record.EntitiesQuery, answer=messages_record.Entities,
                problems={404: _UNKNOWN, 409: "`after` is no entity of this kind"},
                gives={"id": "$response.body#/entities/0/id"},
                about="As the stub keeps them, in pages: `next` is the `after` of the page that follows.",
            ),
            Operation(
                "GET", f"{_BASE}/{{service}}/{{kind}}/{{id}}", "getEntity", "One entity", self.get, answer=messages.Json,
                problems={404: "no such world or entity"},
                about="As the stub keeps it.",
            ),
        ]  # fmt: skip

    def kinds(self, asked: Asked) -> messages_record.Kinds:
        """GET …/entities and …/entities/{service}; what childproof keeps for itself is left out."""
        with self._view(asked) as view:
            wanted = asked.path.get("service")
            named = [one for one in view.kinds() if not one[0].startswith("_") and wanted in (None, one[0])]
            counted = [messages_record.Kind(*one, view.count(*one)) for one in named]
            people = view.count("_people", "person")
        return messages_record.Kinds([one for one in counted if one.count], people)

    def list(self, asked: Asked) -> messages_record.Entities:
        """GET …/entities/{service}/{kind}."""
        service, kind, query = asked.path["service"], asked.path["kind"], asked.query
        with self._view(asked) as view:
            try:
                found = view.items(
                    service, kind, newest_first=False, after=query.after, limit=query.limit + 1
                ) if not service.startswith("_") else []  # fmt: skip
            except LookupError:
                mistake = Mistake("?after", repr(query.after), "the id of an entity of this kind: `next` of a page")
                raise Problem(
                    409, "no_such_entity", "there never was an entity of this id", mistakes=[mistake]
                ) from None
        page = found[: query.limit]
        return messages_record.Entities([value for _, value in page], page[-1][0] if len(found) > len(page) else None)

    def get(self, asked: Asked) -> Answer:
        """GET …/entities/{service}/{kind}/{id}."""
        service, kind, wanted = (asked.path[name] for name in ("service", "kind", "id"))
        with self._view(asked) as view:
            found = None if service.startswith("_") else view.get(service, kind, wanted)
        if found is None:
            raise not_found(kind[:50], wanted, "GET its kind lists them", pointer="id", of=f" of {service[:50]}")
        return Answer(found)

    def _view(self, asked: Asked) -> AbstractContextManager[Snapshot]:
        return self.desk.store.known(self.desk.known(asked.path["world"])).view()
