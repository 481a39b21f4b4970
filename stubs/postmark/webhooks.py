"""Webhooks: where events of a stream are posted, and which. They carry no signature, but the login and headers of yours."""

import base64
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .checking import refused, said

TRIGGERS = ("Open", "Click", "Delivery", "Bounce", "SpamComplaint", "SubscriptionChange")


def tell(ctx: Context, stream: str, kind: str, record: Mapping[str, Any]) -> None:
    """Post a record to each webhook of a stream that asks for its kind."""
    for hook in reversed(ctx.list("webhook", MessageStream=stream)):
        if not hook["Triggers"][kind]["Enabled"]:
            continue
        headers = {one["Name"]: one["Value"] for one in hook["HttpHeaders"]}
        login = hook["HttpAuth"]
        if login:
            pair = f"{login.get('Username', '')}:{login.get('Password', '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        body = {"RecordType": kind, "MessageStream": stream, **record}
        ctx.notify(hook["Url"], kind, body, headers=headers)


@operation("GET /webhooks")
def listed(ctx: Context) -> dict[str, Any]:
    """All, or those of a stream."""
    wanted = ctx.query.get("MessageStream") or ctx.query.get("messageStream")
    found = [one for one in reversed(ctx.list("webhook")) if wanted in {None, one["MessageStream"]}]
    return {"Webhooks": [_shown(one) for one in found]}


@operation("POST /webhooks")
def create(ctx: Context) -> dict[str, Any]:
    """A webhook; what isn't mentioned isn't told."""
    fields = _fields(said(ctx))
    if "Url" not in fields:
        raise refused(606, "Invalid webhook URL.")
    stream = str(said(ctx).get("MessageStream") or "outbound")
    if stream not in {"outbound", "broadcast", "inbound"} and ctx.find("stream", stream) is None:
        raise refused(1226, "The message stream for the provided 'ID' was not found.")
    triggers = _triggers({}, fields.pop("Triggers", {}))
    made = {"HttpAuth": None, "HttpHeaders": [], **fields}
    return _shown(ctx.create("webhook", MessageStream=stream, Triggers=triggers, **made))


@operation("GET /webhooks/{webhook_id}")
def read(ctx: Context, webhook_id: str) -> dict[str, Any]:
    """One."""
    return _shown(ctx.get("webhook", webhook_id))


@operation("PUT /webhooks/{webhook_id}")
def change(ctx: Context, webhook_id: str) -> dict[str, Any]:
    """Another address, or other kinds."""
    hook, fields = ctx.get("webhook", webhook_id), _fields(said(ctx))
    if "Triggers" in fields:
        fields["Triggers"] = _triggers(hook["Triggers"], fields["Triggers"])
    return _shown(ctx.update(hook, **fields))


@operation("DELETE /webhooks/{webhook_id}")
def delete(ctx: Context, webhook_id: str) -> dict[str, Any]:
    """Delete it."""
    ctx.delete(ctx.get("webhook", webhook_id))
    return {"ErrorCode": 0, "Message": f"Webhook {webhook_id} removed."}


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: body[name] for name in ("Url", "HttpAuth", "HttpHeaders", "Triggers") if name in body}
    if "Url" in fields and not str(fields["Url"]).startswith(("http://", "https://")):
        raise refused(606, "Invalid webhook URL.")
    if "HttpHeaders" in fields:
        fields["HttpHeaders"] = [
            {"Name": str(one["Name"]), "Value": str(one["Value"])} for one in fields["HttpHeaders"] or []
        ]
    return fields


def _triggers(before: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    if not isinstance(wanted, dict):
        raise refused(403, "The 'Triggers' must be an object.")
    return {
        kind: {"Enabled": False, **before.get(kind, {}), **(wanted[kind] if isinstance(wanted.get(kind), dict) else {})}
        for kind in TRIGGERS
    }


def _shown(hook: Entity) -> dict[str, Any]:
    names = ("Url", "MessageStream", "HttpAuth", "HttpHeaders", "Triggers")
    return {"ID": int(hook.id), **{name: hook[name] for name in names}}
