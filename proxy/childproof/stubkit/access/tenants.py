"""Tenants: accounts whose things nobody else sees, named by a header of the request or its host (`dialect.tenants`).

A tenant is an entity of a resource; one that a host names may be none (a region). What is stored for one is kept beside everybody else's under a kind of its own
(`Moment._kind`), so neither lists nor ids nor unique fields reach across; resources that are `shared` are the same for all.
"""

from typing import TYPE_CHECKING

from childproof.model import Call
from childproof.stubkit.refusal import Refusal
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from childproof.stubkit.service import Service


def tenant_of(service: "Service", call: Call, tx: Transaction) -> str:
    """Whose things the call is about; "" for those of the key itself. Refuses tenants that nobody has made."""
    tenants = service.settings.tenants
    if tenants is None:
        return ""
    if tenants.host is not None:
        found = tenants.host.fullmatch(call.host)
        named = found[1] if found is not None else None
    else:
        named = call.header(tenants.header)
    if not named or named == tenants.own:
        return ""
    if tenants.resource and tx.get(service.name, tenants.resource, named) is None:
        raise Refusal.of("unknown_tenant", param=None, resource=tenants.resource, value=named, id=named)
    return named
