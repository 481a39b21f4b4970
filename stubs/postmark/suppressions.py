"""Who isn't mailed any more by a stream: after hard bounces and complaints, or by hand."""

from collections.abc import Sequence
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .checking import is_address, refused, said
from .webhooks import tell

MOST = 50
NO_ADDRESS = "An invalid email address was provided."


def inactive(ctx: Context, stream: str, addresses: Sequence[str]) -> list[str]:
    """Which of these aren't mailed."""
    return [one for one in addresses if ctx.list("suppression", stream=stream, EmailAddress=one.lower(), limit=1)]


def suppress(
    ctx: Context, stream: str, address: str, reason: str, origin: str, *, message: Entity | None = None
) -> None:
    """Mail an address no more, and tell of it."""
    if ctx.list("suppression", stream=stream, EmailAddress=address.lower(), limit=1):
        return
    ctx.create(
        "suppression",
        stream=stream,
        EmailAddress=address.lower(),
        SuppressionReason=reason,
        Origin=origin,
        CreatedAt=ctx.now(),
    )
    _told(ctx, stream, address, message, SuppressSending=True, Origin=origin, SuppressionReason=reason)


def unsuppress(ctx: Context, stream: str, address: str) -> bool:
    """Mail it again; whether that changes anything."""
    found = ctx.list("suppression", stream=stream, EmailAddress=address.lower())
    for one in found:
        ctx.delete(one)
    if found:
        _told(ctx, stream, address, None, SuppressSending=False, Origin="Customer", SuppressionReason=None)
    return bool(found)


def _told(ctx: Context, stream: str, address: str, message: Entity | None, **more: Any) -> None:
    tell(ctx, stream, "SubscriptionChange", {
        "MessageID": message.id if message is not None else "00000000-0000-0000-0000-000000000000", "ServerID": 1,
        "ChangedAt": ctx.now(), "Recipient": address, "Tag": (message["Tag"] if message is not None else None) or "",
        "Metadata": message["Metadata"] if message is not None else {}, **more,
    })  # fmt: skip


@operation("GET /message-streams/{stream_id}/suppressions/dump")
def listed(ctx: Context, stream_id: str) -> dict[str, Any]:
    """All of a stream, or those that are asked for."""
    where = {name: ctx.query[name] for name in ("SuppressionReason", "Origin") if ctx.query.get(name)}
    if ctx.query.get("EmailAddress"):
        where["EmailAddress"] = ctx.query["EmailAddress"].lower()
    names = ("EmailAddress", "SuppressionReason", "Origin", "CreatedAt")
    found = ctx.list("suppression", stream=_known(ctx, stream_id), **where)
    return {"Suppressions": [{name: one[name] for name in names} for one in found]}


@operation("POST /message-streams/{stream_id}/suppressions")
def create(ctx: Context, stream_id: str) -> dict[str, Any]:
    """Suppress up to 50 addresses by hand."""
    stream, addresses = _known(ctx, stream_id), _addresses(ctx)
    replies: list[dict[str, Any]] = []
    for address in addresses:
        if is_address(address):
            suppress(ctx, stream, address, "ManualSuppression", "Customer")
            replies.append({"EmailAddress": address, "Status": "Suppressed", "Message": None})
        else:
            replies.append({"EmailAddress": address, "Status": "Failed", "Message": NO_ADDRESS})
    return {"Suppressions": replies}


@operation("POST /message-streams/{stream_id}/suppressions/delete")
def delete(ctx: Context, stream_id: str) -> dict[str, Any]:
    """Mail up to 50 addresses again. Those that complained of spam stay where they are."""
    stream = _known(ctx, stream_id)
    replies: list[dict[str, Any]] = []
    for address in _addresses(ctx):
        if ctx.list(
            "suppression", stream=stream, EmailAddress=address.lower(), SuppressionReason="SpamComplaint", limit=1
        ):
            replies.append(
                {
                    "EmailAddress": address,
                    "Status": "Failed",
                    "Message": "You do not have the required authority to change this suppression.",
                }
            )
        else:
            unsuppress(ctx, stream, address)
            replies.append({"EmailAddress": address, "Status": "Deleted", "Message": None})
    return {"Suppressions": replies}


def _known(ctx: Context, stream: str) -> str:
    if stream not in {"outbound", "broadcast"} and ctx.find("stream", stream) is None:
        raise refused(1226, "The message stream for the provided 'ID' was not found.", 404)
    return stream


def _addresses(ctx: Context) -> list[str]:
    listed = said(ctx).get("Suppressions")
    if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get("EmailAddress") for one in listed):
        raise refused(403, "The 'Suppressions' must be a list of objects with an EmailAddress.")
    if len(listed) > MOST:
        raise refused(403, f"At most {MOST} suppressions can be changed at once.")
    return [str(one["EmailAddress"]) for one in listed]
