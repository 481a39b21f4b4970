"""Bounces, complaints, unsubscribes, and what is allowed whatever happens: each kept by domain and address.

The four have the same operations, which tell them apart by their own path (`_kind`).
"""

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
KINDS = {kind.table: kind for kind in (BOUNCES, COMPLAINTS, UNSUBSCRIBES, ALLOWED)}


def _kind(ctx: Context) -> Kind:
    return KINDS[ctx.operation.split("/")[3]]


@operation("GET /v3/{domain_name}/bounces")
@operation("GET /v3/{domain_name}/complaints")
@operation("GET /v3/{domain_name}/unsubscribes")
@operation("GET /v3/{domain_name}/whitelists")
def listed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Who has bounced, has complained, has left, or never counts as bounced."""
    kind, domain = _kind(ctx), common.domain(ctx, domain_name)["name"]
    term = str(ctx.query.get("term") or "").lower()
    found = [one for one in ctx.list(kind.resource, _domain=domain) if one["_key"].startswith(term)]
    shown, paging = common.paged(ctx, found, lambda one: str(one["_key"]))
    return {"items": [_shown(one) for one in shown], "paging": paging}


@operation("POST /v3/{domain_name}/bounces")
@operation("POST /v3/{domain_name}/complaints")
@operation("POST /v3/{domain_name}/unsubscribes")
def add(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add one, or up to a thousand."""
    kind, domain = _kind(ctx), common.domain(ctx, domain_name)["name"]
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


@operation("POST /v3/{domain_name}/whitelists")
def allow(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add an address, or a whole domain."""
    given: Any = dict(ctx.fields()) or ctx.body
    given = given if isinstance(given, dict) else {}
    domain = common.domain(ctx, domain_name)["name"]
    what = "address" if given.get("address") else "domain"
    if not given.get(what):
        raise Refusal.of("missing", param="address")
    _keep(ctx, ALLOWED, domain, given)
    return {"message": "Address/Domain has been added to the allowlists table", "type": what, "value": given[what]}


@operation("DELETE /v3/{domain_name}/bounces")
@operation("DELETE /v3/{domain_name}/complaints")
@operation("DELETE /v3/{domain_name}/unsubscribes")
@operation("DELETE /v3/{domain_name}/whitelists")
def clear(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Forget all."""
    kind = _kind(ctx)
    for one in ctx.list(kind.resource, _domain=common.domain(ctx, domain_name)["name"]):
        ctx.delete(one)
    return {"message": kind.cleared}


@operation("POST /v3/{domain_name}/bounces/import")
@operation("POST /v3/{domain_name}/complaints/import")
@operation("POST /v3/{domain_name}/unsubscribes/import")
@operation("POST /v3/{domain_name}/whitelists/import")
def add_file(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Add those of a file."""
    kind, domain = _kind(ctx), common.domain(ctx, domain_name)["name"]
    for given in common.rows(ctx.file("file")):
        if common.bare(given.get("address", "")) or (kind is ALLOWED and given.get("domain")):
            _keep(ctx, kind, domain, given)
    return {"message": "file uploaded successfully for processing. standby..."}


@operation("GET /v3/{domain_name}/bounces/{address}")
@operation("GET /v3/{domain_name}/complaints/{address}")
@operation("GET /v3/{domain_name}/unsubscribes/{address}")
@operation("GET /v3/{domain_name}/whitelists/{value}")
def one_of(ctx: Context, domain_name: str, address: str = "", value: str = "") -> dict[str, Any]:
    """One of them."""
    return _shown(_found(ctx, domain_name, address or value))


@operation("DELETE /v3/{domain_name}/bounces/{address}")
@operation("DELETE /v3/{domain_name}/complaints/{address}")
@operation("DELETE /v3/{domain_name}/unsubscribes/{address}")
@operation("DELETE /v3/{domain_name}/whitelists/{value}")
def take_out(ctx: Context, domain_name: str, address: str = "", value: str = "") -> dict[str, Any]:
    """Take one out: send to them again, or count them as everybody."""
    kind, found = _kind(ctx), _found(ctx, domain_name, address or value)
    ctx.delete(found)
    return {"message": kind.removed, kind.key: found[kind.key]}


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


def _found(ctx: Context, domain_name: str, address: str) -> Entity:
    kind, domain = _kind(ctx), common.domain(ctx, domain_name)["name"]
    found = next(iter(ctx.list(kind.resource, _domain=domain, _key=address.lower(), limit=1)), None)
    if found is None:
        raise wrong(kind.missing, 404)
    return found


def _shown(found: Entity) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not name.startswith("_") and name != "id"}
