"""Policies: who else may send from an identity. Kept as they are written; nobody else is here to be let in."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, from_json, operation

from .identities import find, get
from .refusals import absent, exists, invalid, limited, newer

_MOST = 20


def _read(ctx: Context, text: str) -> str:
    policy = from_json(text, dict)
    if policy is None or "Statement" not in policy:
        said = "The policy is not valid JSON or has no Statement."
        raise invalid(ctx, said, "InvalidPolicy") if newer(ctx) else Refusal(400, "InvalidPolicy", said)
    return text


def _put(ctx: Context, identity: Entity, name: str, policy: str) -> None:
    if name not in identity["policies"] and len(identity["policies"]) >= _MOST:
        raise limited(ctx, f"An identity can have at most {_MOST} policies.")
    ctx.update(identity, policies={**identity["policies"], name: _read(ctx, policy)})


def _without(identity: Entity, name: str) -> dict[str, str]:
    return {key: policy for key, policy in identity["policies"].items() if key != name}


@operation("GET /v2/email/identities/{EmailIdentity}/policies")
def index(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """An identity's policies by name."""
    return {"Policies": get(ctx, EmailIdentity)["policies"]}


@operation("POST /v2/email/identities/{EmailIdentity}/policies/{PolicyName}")
def create(ctx: Context, EmailIdentity: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Add a policy."""
    identity = get(ctx, EmailIdentity)
    if PolicyName in identity["policies"]:
        raise exists(ctx, "", f"Policy {PolicyName} already exists.")
    _put(ctx, identity, PolicyName, ctx.body["Policy"])
    return {}


@operation("PUT /v2/email/identities/{EmailIdentity}/policies/{PolicyName}")
def update(ctx: Context, EmailIdentity: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Replace a policy."""
    identity = get(ctx, EmailIdentity)
    if PolicyName not in identity["policies"]:
        raise absent(ctx, "", f"Policy {PolicyName} does not exist.")
    _put(ctx, identity, PolicyName, ctx.body["Policy"])
    return {}


@operation("DELETE /v2/email/identities/{EmailIdentity}/policies/{PolicyName}")
def delete(ctx: Context, EmailIdentity: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take a policy away; that it wasn't there is no fault."""
    identity = get(ctx, EmailIdentity)
    ctx.update(identity, policies=_without(identity, PolicyName))
    return {}


@operation("POST /#Action=PutIdentityPolicy")
def put(ctx: Context) -> dict[str, Any]:
    """Add or replace a policy."""
    _put(ctx, get(ctx, ctx.body["Identity"]), ctx.body["PolicyName"], ctx.body["Policy"])
    return {}


@operation("POST /#Action=GetIdentityPolicies")
def read(ctx: Context) -> dict[str, Any]:
    """Policies by name; those that aren't there are left out."""
    identity = find(ctx, ctx.body["Identity"])
    policies = identity["policies"] if identity is not None else {}
    return {"Policies": {name: policies[name] for name in ctx.body["PolicyNames"] if name in policies}}


@operation("POST /#Action=ListIdentityPolicies")
def names(ctx: Context) -> dict[str, Any]:
    """The names of an identity's policies."""
    identity = find(ctx, ctx.body["Identity"])
    return {"PolicyNames": sorted(identity["policies"]) if identity is not None else []}


@operation("POST /#Action=DeleteIdentityPolicy")
def remove(ctx: Context) -> dict[str, Any]:
    """Take a policy away; that it wasn't there is no fault."""
    identity = find(ctx, ctx.body["Identity"])
    if identity is not None:
        ctx.update(identity, policies=_without(identity, ctx.body["PolicyName"]))
    return {}
