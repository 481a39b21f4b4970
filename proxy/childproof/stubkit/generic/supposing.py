"""Entities for ids that nobody has made (`unknown_ids: synthesize`): a plausible one, and the same from then on.

For people who come from stateless mocks. It is stored with the call that asked for it, but as if it had been there before.
What was deleted stays deleted.
"""

from random import Random
from typing import TYPE_CHECKING, Any

from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.document.shape import types
from childproof.stubkit.entity import Entity
from childproof.stubkit.invented.synth import Synthesizer
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context
    from childproof.stubkit.service import Service


def supposed(ctx: "Context", service: "Service", tx: Transaction, resource: Resource, id: str, **fields: Any) -> Entity:  # noqa: A002
    """A new entity of this id, invented from its schema but for `fields`: another one for each id and seed of a world."""
    if resource.integer_id and not id.isdecimal():
        raise ctx.not_found(resource.name, id)
    invented: dict[str, Any] = {}
    api = service.api
    if api is not None and resource.schema:
        maker = Synthesizer(api, Random(f"{tx.seed} {service.name} {resource.name} {id}"), tx.now())  # noqa: S311 - repeatable
        lifecycle = resource.lifecycle.field if resource.lifecycle is not None else None
        for name, node in service.shapes.properties(resource.schema).known.items():
            kinds = types(api, node)
            if name in {resource.id_field, lifecycle, service.settings.metadata} or "null" in kinds:
                continue
            if name not in resource.refs and not {"object", "array"} & {*kinds}:
                invented[name] = maker.value(api.resolve(node), name)
    with tx.beforehand():
        return ctx.quietly().create(resource.name, id, **{**invented, **resource.defaults, **fields})
