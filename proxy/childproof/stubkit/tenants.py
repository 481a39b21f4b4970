"""Tenants: accounts whose things nobody else sees, named by a header of the request (`dialect.tenants`).

A tenant is an entity of a resource. What is stored for one is kept beside everybody else's under a kind of its own
(`Moment._kind`), so neither lists nor ids nor unique fields reach across; resources that are `shared` are the same for all.
"""

from typing import TYPE_CHECKING

from childproof.model import Call
from childproof.world.transaction import Transaction

from .refusal import Refusal

if TYPE_CHECKING:
    from .service import Service


def tenant_of(service: "Service", call: Call, tx: Transaction) -> str:
    """Whose things the call is about; "" for those of the key itself. Refuses tenants that nobody has made."""
    tenants = service.settings.tenants
    named = call.header(tenants.header) if tenants is not None else None
    if tenants is None or not named or named == tenants.own:
        return ""
    if tx.get(service.name, tenants.resource, named) is None:
        raise Refusal.of("unknown_tenant", param=None, resource=tenants.resource, value=named, id=named)
    return named
