"""Bounces, complaints, unsubscribes, and what is allowed whatever happens: each kept by domain and address."""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import common
from .common import wrong

MOST = 1000  # of one call


@dataclass(frozen=True)
class Kind:
    """One of the four: where it is kept, and Mailgun's words for it."""

    resource: str
    table: str
    missing: str
    cleared: str
    removed: str
    key: str = "address"


BOUNCES = Kind(
    "bounce", "bounces", "Address not found in bounces table", "Bounced addresses for this domain have been removed",
    "Bounced address has been removed",
)  # fmt: skip
COMPLAINTS = Kind(
    "complaint", "complaints", "No spam complaints found for this address", "Complaint addresses for this domain have been removed",
    "Spam complaint has been removed",
)  # fmt: skip
UNSUBSCRIBES = Kind(
    "unsubscribe", "unsubscribes", "Address not found in unsubscribers table", "Unsubscribe addresses for this domain have been removed",
    "Unsubscribe event has been removed",
)  # fmt: skip
ALLOWED = Kind(
    "allowed", "whitelists", "Address/Domain not found in allowlist table", "Allowlist addresses/domains for this domain have been removed",
    "Allowlist address/domain has been removed", "value",
)  # fmt: skip


@operation("GET /v3/{domain_name}/bounces")
def bounces(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Who has bounced."""
    return _listed(ctx, BOUNCES, domain_name)


@operation("POST /v3/{domain_name}/bounces")
def add_bounces(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add one, or up to a thousand."""
    return _added(ctx, BOUNCES, domain_name)


@operation("DELETE /v3/{domain_name}/bounces")
def clear_bounces(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Forget all."""
    return _cleared(ctx, BOUNCES, domain_name)


@operation("POST /v3/{domain_name}/bounces/import")
def import_bounces(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add those of a file."""
    return _imported(ctx, BOUNCES, domain_name)


@operation("GET /v3/{domain_name}/bounces/{address}")
def bounce(ctx: Context, domain_name: str, address: str) -> dict[str, Any]:
    """One of them."""
    return _shown(_found(ctx, BOUNCES, domain_name, address))


@operation("DELETE /v3/{domain_name}/bounces/{address}")
def delete_bounce(ctx: Context, domain_name: str, address: str) -> dict[str, Any]:
    """Send to them again."""
    return _deleted(ctx, BOUNCES, domain_name, address)


@operation("GET /v3/{domain_name}/complaints")
def complaints(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Who has complained."""
    return _listed(ctx, COMPLAINTS, domain_name)


@operation("POST /v3/{domain_name}/complaints")
def add_complaints(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add one, or up to a thousand."""
    return _added(ctx, COMPLAINTS, domain_name)


@operation("DELETE /v3/{domain_name}/complaints")
def clear_complaints(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Forget all."""
    return _cleared(ctx, COMPLAINTS, domain_name)


@operation("POST /v3/{domain_name}/complaints/import")
def import_complaints(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add those of a file."""
    return _imported(ctx, COMPLAINTS, domain_name)


@operation("GET /v3/{domain_name}/complaints/{address}")
def complaint(ctx: Context, domain_name: str, address: str) -> dict[str, Any]:
    """One of them."""
    return _shown(_found(ctx, COMPLAINTS, domain_name, address))


@operation("DELETE /v3/{domain_name}/complaints/{address}")
def delete_complaint(ctx: Context, domain_name: str, address: str) -> dict[str, Any]:
    """Send to them again."""
    return _deleted(ctx, COMPLAINTS, domain_name, address)


@operation("GET /v3/{domain_name}/unsubscribes")
def unsubscribes(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Who has left."""
    return _listed(ctx, UNSUBSCRIBES, domain_name)


@operation("POST /v3/{domain_name}/unsubscribes")
def add_unsubscribes(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add one, or up to a thousand."""
    return _added(ctx, UNSUBSCRIBES, domain_name)


@operation("DELETE /v3/{domain_name}/unsubscribes")
def clear_unsubscribes(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Forget all."""
    return _cleared(ctx, UNSUBSCRIBES, domain_name)


@operation("POST /v3/{domain_name}/unsubscribes/import")
def import_unsubscribes(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add those of a file."""
    return _imported(ctx, UNSUBSCRIBES, domain_name)


@operation("GET /v3/{domain_name}/unsubscribes/{address}")
def unsubscribe(ctx: Context, domain_name: str, address: str) -> dict[str, Any]:
    """One of them."""
    return _shown(_found(ctx, UNSUBSCRIBES, domain_name, address))


@operation("DELETE /v3/{domain_name}/unsubscribes/{address}")
def delete_unsubscribe(ctx: Context, domain_name: str, address: str) -> dict[str, Any]:
    """Send to them again."""
    return _deleted(ctx, UNSUBSCRIBES, domain_name, address)


@operation("GET /v3/{domain_name}/whitelists")
def allowed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Who never counts as bounced."""
    return _listed(ctx, ALLOWED, domain_name)


@operation("POST /v3/{domain_name}/whitelists")
def allow(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add an address, or a whole domain."""
    given: Any = dict(ctx.fields()) or ctx.body
    given = given if isinstance(given, dict) else {}
    domain = common.domain(ctx, domain_name)["name"]
    kind = "address" if given.get("address") else "domain"
    if not given.get(kind):
        raise Refusal.of("missing", param="address")
    _keep(ctx, ALLOWED, domain, given)
    return {"message": "Address/Domain has been added to the allowlists table", "type": kind, "value": given[kind]}


@operation("DELETE /v3/{domain_name}/whitelists")
def clear_allowed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Forget all."""
    return _cleared(ctx, ALLOWED, domain_name)


@operation("POST /v3/{domain_name}/whitelists/import")
def import_allowed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add those of a file."""
    return _imported(ctx, ALLOWED, domain_name)


@operation("GET /v3/{domain_name}/whitelists/{value}")
def allowed_one(ctx: Context, domain_name: str, value: str) -> dict[str, Any]:
    """One of them."""
    return _shown(_found(ctx, ALLOWED, domain_name, value))


@operation("DELETE /v3/{domain_name}/whitelists/{value}")
def disallow(ctx: Context, domain_name: str, value: str) -> dict[str, Any]:
    """Take one out."""
    return _deleted(ctx, ALLOWED, domain_name, value)


def _listed(ctx: Context, kind: Kind, domain_name: str) -> dict[str, Any]:
    domain = common.domain(ctx, domain_name)["name"]
    term = str(ctx.query.get("term") or "").lower()
    found = [one for one in ctx.list(kind.resource, _domain=domain) if one["_key"].startswith(term)]
    shown, paging = common.paged(ctx, found, lambda one: str(one["_key"]))
    return {"items": [_shown(one) for one in shown], "paging": paging}


def _added(ctx: Context, kind: Kind, domain_name: str) -> dict[str, Any]:
    domain = common.domain(ctx, domain_name)["name"]
    body: Any = ctx.body
    if isinstance(body, list):
        if len(body) > MOST:
            raise wrong(f"Batch size should be less than {MOST}")
        for one in body:
            _keep(ctx, kind, domain, one)
        return {"message": f"{len(body)} addresses have been added to the {kind.table} table"}
    given = dict(ctx.fields()) or body
    _keep(ctx, kind, domain, given)
    return {"message": f"Address has been added to the {kind.table} table", "address": given["address"]}


def _imported(ctx: Context, kind: Kind, domain_name: str) -> dict[str, Any]:
    domain = common.domain(ctx, domain_name)["name"]
    for given in common.rows(ctx.file("file")):
        if common.bare(given.get("address", "")) or (kind is ALLOWED and given.get("domain")):
            _keep(ctx, kind, domain, given)
    return {"message": "file uploaded successfully for processing. standby..."}


def _keep(ctx: Context, kind: Kind, domain: str, given: Any) -> None:
    if not isinstance(given, dict) or not all(
        isinstance(given.get(name, ""), str) for name in ("address", "domain", "error")
    ):
        raise wrong("Invalid request body: expected records with an address")
    address = given.get("address") or (given.get("domain") if kind is ALLOWED else "")
    if not address:
        raise Refusal.of("missing", param="address")
    if given.get("address") and not common.bare(given["address"]):
        raise wrong("'address' parameter is not a valid address. please check documentation")
    now = str(given.get("created_at") or "") or common.written(ctx.now_ms())
    known = next(iter(ctx.list(kind.resource, _domain=domain, _key=address.lower(), limit=1)), None)
    if kind is BOUNCES:
        fields = {"code": str(given.get("code") or "550"), "error": given.get("error") or "", "created_at": now}
    elif kind is COMPLAINTS:
        fields = {"count": 1 + (known["count"] if known is not None else 0), "created_at": now}
    elif kind is UNSUBSCRIBES:
        tags = given.get("tags") or given.get("tag") or "*"
        fields = {
            "tags": tags if isinstance(tags, list) else [one.strip() for one in tags.split(",")],
            "created_at": now,
        }
    else:
        what = "address" if given.get("address") else "domain"
        fields = {"type": what, "reason": str(given.get("reason") or ""), "createdAt": now}
    if known is not None:
        ctx.update(known, **fields)
    else:
        ctx.create(kind.resource, **{kind.key: address}, **fields, _domain=domain, _key=address.lower())


def _found(ctx: Context, kind: Kind, domain_name: str, address: str) -> Entity:
    domain = common.domain(ctx, domain_name)["name"]
    found = next(iter(ctx.list(kind.resource, _domain=domain, _key=address.lower(), limit=1)), None)
    if found is None:
        raise wrong(kind.missing, 404)
    return found


def _deleted(ctx: Context, kind: Kind, domain_name: str, address: str) -> dict[str, Any]:
    found = _found(ctx, kind, domain_name, address)
    ctx.delete(found)
    return {"message": kind.removed, kind.key: found[kind.key]}


def _cleared(ctx: Context, kind: Kind, domain_name: str) -> dict[str, Any]:
    for one in ctx.list(kind.resource, _domain=common.domain(ctx, domain_name)["name"]):
        ctx.delete(one)
    return {"message": kind.cleared}


def _shown(found: Entity) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not name.startswith("_") and name != "id"}
