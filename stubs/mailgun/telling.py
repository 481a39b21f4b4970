"""Events: kept, listed, counted, and told to webhooks as `{signature, event-data}`."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from .common import ACCOUNT, bare

LEVELS = {"accepted": "info", "delivered": "info", "complained": "warn", "unsubscribed": "warn", "rejected": "warn"}
STORAGE = "storage-us-east4"


def tell(ctx: Context, event: str, message: Mapping[str, Any], recipient: str, **more: Any) -> Entity:
    """Keep an event of a message and tell of it; failures by their severity, as webhooks name them."""
    severity = more.get("severity", "")
    data: dict[str, Any] = {
        "event": event,
        "timestamp": ctx.now_ms() / 1000,
        "log-level": "error" if severity == "permanent" else "warn" if severity else LEVELS.get(event, "info"),
        "recipient": recipient,
        "recipient-domain": recipient.rpartition("@")[2],
        "domain": {"name": message["domain"]},
        "account": {"id": ACCOUNT},
        "method": "HTTP",
        "envelope": {"sender": bare(message["from"]), "transport": "smtp", "targets": recipient, "sending-ip": "209.61.154.250"},
        "message": {
            "headers": {
                "to": ", ".join(message["to"]),
                "from": message["from"],
                "subject": message["subject"],
                "message-id": message["message_id"].strip("<>"),
            },
            "attachments": message["attachments"],
            "size": message["size"],
        },
        "flags": {
            "is-authenticated": True,
            "is-routed": False,
            "is-system-test": False,
            "is-test-mode": message["testmode"],
        },
        "tags": message["tags"],
        "campaigns": [],
        "user-variables": message["variables"],
        "storage": {"key": message["key"], "url": address(ctx, message), "region": "us-east4"},
        **more,
    }  # fmt: skip
    kept = ctx.create("event", **data)
    shown = {"id": kept.id, **{name: kept[name] for name in data}}
    kind = f"{severity}_fail" if severity else event
    ctx.emit(kind, shown, message=lambda: {"signature": {}, "event-data": shown})
    return kept


def address(ctx: Context, message: Mapping[str, Any]) -> str:
    """Where a stored message is fetched: a host for storage of the same region."""
    region = "api.eu.mailgun.net" if ".eu." in ctx.call.host else "api.mailgun.net"
    return f"https://{STORAGE}.{region}/v3/domains/{message['domain']}/messages/{message['key']}"
