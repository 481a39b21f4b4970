"""What a world file may say of any resource of any stub, without a recipe: a number of entities, or the entities."""

from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.document.shape import types
from childproof.stubkit.generic import generic
from childproof.stubkit.invented.people import Person
from childproof.stubkit.service import Service

from .playing import SeedContext
from .timeline import Seeding

_PERSON = {
    "email": "email", "name": "name", "full_name": "name", "fullname": "name", "display_name": "name", "real_name": "name",
    "first_name": "first_name", "firstname": "first_name", "given_name": "first_name", "last_name": "last_name",
    "lastname": "last_name", "family_name": "last_name", "surname": "last_name", "phone": "phone", "phone_number": "phone",
    "mobile": "phone", "login": "login", "username": "login", "user_name": "login", "handle": "login",
    "email_address": "email", "city": "city", "street": "line1", "line1": "line1", "postal_code": "postal_code",
    "zip": "postal_code", "zip_code": "postal_code", "state": "state", "country": "country",
}  # fmt: skip
"""A field's name -> what of a person it holds."""
_BATCH = 50  # entities that are made in one step


def plural(name: str) -> str:
    """A resource's name as a section may write it."""
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"


def find(service: Service, key: str) -> Resource | None:
    """The resource that a section's key means, singular or plural; None where the stub has none of that name."""
    if service.registry.knows(key):
        return service.registry.named(key)
    for name in singulars(key):
        if service.registry.knows(name):
            return service.registry.named(name)
    return None


def known(service: Service) -> dict[str, Resource]:
    """The resources of stub.yaml by the key that a section has for them."""
    return {plural(resource.name): resource for resource in service.registry.written}


def schema(service: Service, resource: Resource) -> dict[str, Any]:
    """The JSON Schema of what a section may say of a resource."""
    fields = {name: _field(service, node) for name, node in service.shapes.properties(resource.schema).known.items()}
    entity: dict[str, Any] = {"type": "object"}
    if fields:
        entity |= {"properties": fields, "additionalProperties": False}
    chosen = {
        "type": "object",
        "properties": {"one_of": {"type": "array", "minItems": 1}},
        "required": ["one_of"],
        "additionalProperties": False,
    }
    some: dict[str, Any] = {"type": "object"}
    if fields:
        either = {name: {"anyOf": [node, chosen]} if node.get("type") else {} for name, node in fields.items()}
        some |= {"properties": either, "additionalProperties": False}
    numbers = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
    return {
        "anyOf": [
            numbers,
            {"type": "array", "items": entity},
            {
                "type": "object",
                "properties": {
                    "count": numbers,
                    "from": {"const": "people", "x-expected": "people", "x-write": "people"},
                    "over": {
                        "type": "string",
                        "pattern": "^[0-9]{1,6}(s|m|h|d|w)$",
                        "x-expected": "a time span: a number and s, m, h, d or w",
                        "x-write": "90d",
                    },
                    "with": some,
                },
                "additionalProperties": False,
            },
        ]
    }


def plan(seeding: Seeding, resource: Resource, written: Any) -> None:
    """Plan the steps of a section's entry for a resource. Raises Unplantable."""
    if isinstance(written, list):
        for place, entity in enumerate(written):
            seeding.first(_one(seeding, resource, entity), place)
        return
    options: Mapping[str, Any] = {"count": written} if isinstance(written, int) else written
    persons = options.get("from") == "people"
    if persons and not len(seeding.people):
        raise seeding.refuse("from people, of whom there are none", "people beside the services", "people: 100")
    count = options.get("count", len(seeding.people) if persons else 1)
    fields = options.get("with", {})
    batches = [range(start, min(start + _BATCH, count)) for start in range(0, count, _BATCH)]
    if "over" in options:
        for number, time in enumerate(seeding.times(count, options["over"])):
            seeding.at(time, _some(seeding, resource, range(number, number + 1), fields, persons=persons))
    else:
        for batch in batches:
            seeding.first(_some(seeding, resource, batch, fields, persons=persons))


def plant(service: Service, ctx: SeedContext, resource: Resource, written: Any) -> None:
    """Create what a seed.yaml has for a resource: entities just as they are written, or a number that are made up."""
    if isinstance(written, list):
        for entity in written:
            given = {name: value for name, value in entity.items() if name != resource.id_field}
            ctx.create(resource.name, str(entity[resource.id_field]) if resource.id_field in entity else None, **given)
        return
    options: Mapping[str, Any] = {"count": written} if isinstance(written, int) else written
    for number in range(options.get("count", 1)):
        fields = {name: _chosen(ctx, value, None, number) for name, value in options.get("with", {}).items()}
        _create(service, ctx, resource, fields, None)


def ordered(service: Service, named: Mapping[str, Resource | None]) -> Iterator[str]:
    """Keys of a section in an order in which those come first that others refer to."""
    done: set[str] = set()

    def visit(key: str, above: frozenset[str]) -> Iterator[str]:
        if key in done or key in above:
            return
        mine = named[key]
        for target in () if mine is None or key in service.behaviours.recipes else _targets(service, mine).values():
            for other, resource in named.items():
                if resource is not None and resource.name == target.name:
                    yield from visit(other, above | {key})
        if key not in done:
            done.add(key)
            yield key

    for key in named:
        yield from visit(key, frozenset())


def _one(seeding: Seeding, resource: Resource, entity: Mapping[str, Any]) -> Any:
    def step(ctx: SeedContext) -> None:
        given = {name: value for name, value in entity.items() if name != resource.id_field}
        _create(seeding.service, ctx, resource, given, entity.get(resource.id_field))

    return step


def _some(seeding: Seeding, resource: Resource, numbers: range, fields: Mapping[str, Any], *, persons: bool) -> Any:
    def step(ctx: SeedContext) -> None:
        for number in numbers:
            person = seeding.people[number % len(seeding.people)] if persons and len(seeding.people) else None
            chosen = {name: _chosen(ctx, value, person, number) for name, value in fields.items()}
            mine = _of_person(seeding.service, resource, person) if person is not None else {}
            _create(seeding.service, ctx, resource, {**mine, **chosen}, None)

    return step


def _create(service: Service, ctx: SeedContext, resource: Resource, given: Mapping[str, Any], entity_id: Any) -> None:
    references = {
        name: found
        for name, target in _targets(service, resource).items()
        if name not in given and "." not in name and (found := ctx.any(target.name)) is not None
    }
    known = {**resource.defaults, **references, **given}
    fields = {**generic.invented(service, resource, ctx.transaction, known), **known}
    if resource.lifecycle is not None and resource.lifecycle.field not in given:
        fields.pop(resource.lifecycle.field, None)
    ctx.create(resource.name, None if entity_id is None else str(entity_id), **fields)


def _targets(service: Service, resource: Resource) -> dict[str, Resource]:
    """The fields of a resource that refer to others: those of `refs`, and the parents in its path."""
    found = {name: service.registry.named(target) for name, target in resource.refs.items()}
    path = resource.path or _path(service, resource)
    if path:
        for _, field, parent in service.registry.parents(resource, path, item=False):
            if parent is not None:
                found.setdefault(field, parent)
    return found


def _path(service: Service, resource: Resource) -> str:
    """Where the document's operations create an inferred resource; "" where none does."""
    if service.api is None or service.inference is None:
        return ""
    for operation in service.api.operations():
        done = service.inference.operation(operation)
        if done.action == "create" and done.schema == resource.schema:
            return operation.path
    return ""


def _chosen(ctx: SeedContext, value: Any, person: Person | None, number: int) -> Any:
    """A value of `with`: one of several, a text with `{n}` or what of a person it names, or itself."""
    if isinstance(value, dict) and value.keys() == {"one_of"}:
        choices = value["one_of"]
        return choices[ctx.transaction.random("one_of").randrange(len(choices))]
    if isinstance(value, str) and "{" in value:
        value = value.replace("{n}", str(number + 1))
        if person is not None:
            for name in ("name", "first_name", "last_name", "email", "phone", "login"):
                value = value.replace("{" + name + "}", str(getattr(person, name)))
    return value


def _of_person(service: Service, resource: Resource, person: Person) -> dict[str, Any]:
    """What an entity holds of a person, by the names of its schema's fields; name, e-mail and phone without one."""
    known = service.shapes.properties(resource.schema).known
    if not known:
        return {"name": person.name, "email": person.email, "phone": person.phone}
    found: dict[str, Any] = {}
    for name, node in known.items():
        what = _PERSON.get(name.lower().replace("-", "_"))
        if what is not None and service.api is not None and "string" in (types(service.api, node) or ("string",)):
            found[name] = getattr(person, what, None) or getattr(person.address, what, "")
    return found


def _field(service: Service, node: dict[str, Any]) -> dict[str, Any]:
    assert service.api is not None
    kinds = types(service.api, node)
    return {"type": list(kinds)} if kinds else {}


def singulars(key: str) -> Iterator[str]:
    """The resources' names that `plural` makes this key of."""
    for end, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if key.endswith(end) and plural(name := key.removesuffix(end) + instead) == key:
            yield name
