"""Webhooks as Resend writes them: `{type, created_at, data}`."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity


def tell(ctx: Context, type: str, data: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - the vendor's own word
    """Tell of an event; `data` is what webhooks carry, `about` the object for the ledger, where that is another."""
    at = ctx.now()
    ctx.emit(type, about if about is not None else data, message=lambda: {"type": type, "created_at": at, "data": data})


def of_email(ctx: Context, what: str, email: Entity, **more: Any) -> None:
    """Tell of a mail: `email.delivered` and the like, with what only this event has."""
    data: dict[str, Any] = {
        "email_id": email.id,
        "message_id": email.get("message_id"),
        "created_at": email["created_at"],
        "from": email["from"],
        "to": email["to"],
        "subject": email["subject"],
    }
    if email.get("tags"):
        data["tags"] = {tag["name"]: tag["value"] for tag in email["tags"]}
    if email.get("_broadcast"):
        data["broadcast_id"] = email["_broadcast"]
    tell(ctx, f"email.{what}", {**data, **more})


def of_contact(ctx: Context, what: str, contact: Entity, segments: list[str]) -> None:
    """Tell of a contact."""
    data = {
        "id": contact.id,
        "audience_id": segments[0] if segments else None,
        "segment_ids": segments,
        "created_at": contact["created_at"],
        "updated_at": ctx.now(),
        "email": contact["email"],
        "first_name": contact.get("first_name"),
        "last_name": contact.get("last_name"),
        "unsubscribed": contact["unsubscribed"],
    }
    tell(ctx, f"contact.{what}", data)


def of_domain(ctx: Context, what: str, domain: Entity) -> None:
    """Tell of a domain."""
    names = ("id", "name", "status", "created_at", "region", "records")
    tell(ctx, f"domain.{what}", {name: domain.get(name) for name in names})
