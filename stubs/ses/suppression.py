"""The suppression list: addresses that nothing is sent to any more. Bounces and complaints put them there."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .account import account
from .identities import canonical
from .paging import paged
from .refusals import absent
from .times import seconds


def suppressed(ctx: Context, address: str, configuration_set: Entity | None) -> Entity | None:
    """The entry by which an address gets nothing; None where it may. A configuration set may have reasons of its own."""
    found = ctx.find("suppressed", canonical(address))
    if found is None:
        return None
    options = configuration_set["options"].get("SuppressionOptions") if configuration_set is not None else None
    reasons = (options or {}).get("SuppressedReasons", account(ctx)["suppressed_reasons"])
    return found if found["reason"] in reasons else None


def suppress(ctx: Context, address: str, reason: str, *, message: str = "", feedback: str = "") -> None:
    """Put an address onto the list."""
    fields = {"address": address, "reason": reason, "at": ctx.now_ms(), "message": message, "feedback": feedback}
    found = ctx.find("suppressed", canonical(address))
    if found is not None:
        ctx.update(found, **fields)
        return
    ctx.emit("address.suppressed", ctx.create("suppressed", canonical(address), **fields))


def suppress_for(ctx: Context, address: str, reason: str, *, message: str, feedback: str) -> None:
    """Put an address onto the list, if the account wants that for this reason."""
    if reason in account(ctx)["suppressed_reasons"]:
        suppress(ctx, address, reason, message=message, feedback=feedback)


def _get(ctx: Context, address: str) -> Entity:
    found = ctx.find("suppressed", canonical(address))
    if found is None:
        raise absent(ctx, "", f"Email address {address} does not exist on your suppression list.")
    return found


@operation("PUT /v2/email/suppression/addresses")
def put(ctx: Context) -> dict[str, Any]:
    """Add an address."""
    suppress(ctx, ctx.body["EmailAddress"], ctx.body["Reason"])
    return {}


@operation("GET /v2/email/suppression/addresses/{EmailAddress}")
def read(ctx: Context, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """Why an address is on the list."""
    found = _get(ctx, EmailAddress)
    told = {"MessageId": found["message"], "FeedbackId": found["feedback"]}
    attributes = {name: value for name, value in told.items() if value}
    return {
        "SuppressedDestination": {
            "EmailAddress": found["address"],
            "Reason": found["reason"],
            "LastUpdateTime": seconds(found["at"]),
            **({"Attributes": attributes} if attributes else {}),
        }
    }


@operation("DELETE /v2/email/suppression/addresses/{EmailAddress}")
def delete(ctx: Context, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take an address off."""
    ctx.delete(_get(ctx, EmailAddress))
    return {}


@operation("GET /v2/email/suppression/addresses")
def index(ctx: Context) -> dict[str, Any]:
    """The list, for some reasons or all, the newest first."""
    reasons = ctx.query.get("Reason") or ["BOUNCE", "COMPLAINT"]
    rows = [one for one in ctx.list("suppressed") if one["reason"] in reasons]
    page, more = paged(ctx, rows, lambda one: one.id)
    shown = [
        {"EmailAddress": one["address"], "Reason": one["reason"], "LastUpdateTime": seconds(one["at"])} for one in page
    ]
    return {"SuppressedDestinationSummaries": shown, **more}
