"""Who is mailed no more: bounces, blocks, invalid addresses, spam reports, unsubscribes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Refusal, operation

_REASONS = {
    "bounces": ("Bounced Address", "bounce_drops", "bypass_bounce_management"),
    "spam_reports": ("Spam Reporting Address", "spam_report_drops", "bypass_spam_management"),
    "unsubscribes": ("Unsubscribed Address", "unsubscribe_drops", "bypass_unsubscribe_management"),
}
_FIELDS = {
    "bounces": ("created", "email", "reason", "status"),
    "blocks": ("created", "email", "reason", "status"),
    "invalid_emails": ("created", "email", "reason"),
    "spam_reports": ("created", "email", "ip"),
    "unsubscribes": ("created", "email"),
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A recipient who isn't mailed, why, and what that counts as."""

    address: str
    reason: str
    counted: str


def sort(
    ctx: Context, recipients: Sequence[str], *, group: int | None, settings: Mapping[str, Any]
) -> tuple[list[str], list[Dropped]]:
    """Who is to be mailed, and who is not."""
    wanted: list[str] = []
    dropped: list[Dropped] = []
    if _on(settings, "bypass_list_management"):
        return list(recipients), []
    for address in recipients:
        found = _why_not(ctx, address, group, settings)
        if found is None:
            wanted.append(address)
        else:
            dropped.append(found)
    return wanted, dropped


def _why_not(ctx: Context, address: str, group: int | None, settings: Mapping[str, Any]) -> Dropped | None:
    for one in ctx.list("suppression", email=address):
        reason = _REASONS.get(one["kind"])
        if reason is not None and not _on(settings, reason[2]):
            return Dropped(address, reason[0], reason[1])
    if group is not None and ctx.list("group_member", group=group, email=address, limit=1):
        return Dropped(address, "Unsubscribed Address", "unsubscribe_drops")
    return None


def _on(settings: Mapping[str, Any], name: str) -> bool:
    return bool((settings.get(name) or {}).get("enable"))


def _kind(ctx: Context) -> str:
    """Which list an operation is about: its path tells."""
    return ctx.operation.split("/")[2]


@operation("GET /suppression/bounces")
@operation("GET /suppression/blocks")
@operation("GET /suppression/spam_reports")
@operation("GET /suppression/invalid_emails")
@operation("GET /suppression/unsubscribes")
def listed(ctx: Context) -> list[dict[str, Any]]:
    """Who is in a list."""
    return _shown(ctx)


@operation("GET /suppression/bounces/{email}")
@operation("GET /suppression/blocks/{email}")
@operation("GET /suppression/spam_reports/{email}")
def listed_one(ctx: Context, email: str) -> list[dict[str, Any]]:
    """Whether one address is."""
    return _shown(ctx, email=email)


@operation("DELETE /suppression/bounces")
@operation("DELETE /suppression/blocks")
@operation("DELETE /suppression/spam_reports")
def remove(ctx: Context) -> None:
    """Forget those that are named, or all."""
    if not ctx.body.get("delete_all") and not ctx.body.get("emails"):
        raise Refusal(400, "", "either delete_all or emails must be given")
    for one in ctx.list("suppression", kind=_kind(ctx)):
        if ctx.body.get("delete_all") or one["email"] in ctx.body["emails"]:
            ctx.delete(one)


@operation("DELETE /suppression/bounces/{email}")
@operation("DELETE /suppression/blocks/{email}")
@operation("DELETE /suppression/spam_reports/{email}")
def remove_one(ctx: Context, email: str) -> None:
    """Forget one."""
    _remove(ctx, _kind(ctx), email)


@operation("POST /asm/suppressions/global")
def unsubscribe(ctx: Context) -> dict[str, Any]:
    """Mail these no more."""
    for email in ctx.body["recipient_emails"]:
        if not ctx.list("suppression", kind="unsubscribes", email=email, limit=1):
            ctx.create("suppression", kind="unsubscribes", email=email, created=ctx.now_ms() // 1000)
    return {"recipient_emails": ctx.body["recipient_emails"]}


@operation("GET /asm/suppressions/global/{email}")
def unsubscribed(ctx: Context, email: str) -> dict[str, Any]:
    """Whether an address is; an empty object where it isn't."""
    found = ctx.list("suppression", kind="unsubscribes", email=email, limit=1)
    return {"recipient_email": email} if found else {}


@operation("DELETE /asm/suppressions/global/{email}")
def resubscribe(ctx: Context, email: str) -> None:
    """Mail this one again."""
    _remove(ctx, "unsubscribes", email)


def _shown(ctx: Context, **where: Any) -> list[dict[str, Any]]:
    kind, start, end = _kind(ctx), ctx.query.get("start_time"), ctx.query.get("end_time")
    found = [
        {name: one[name] for name in _FIELDS[kind]}
        for one in ctx.list("suppression", kind=kind, **where)
        if (start is None or one["created"] >= start) and (end is None or one["created"] <= end)
    ]
    first, most = int(ctx.query.get("offset") or 0), int(ctx.query.get("limit") or 500)
    return found[first : first + most]


def _remove(ctx: Context, kind: str, email: str) -> None:
    found = ctx.list("suppression", kind=kind, email=email)
    if not found:
        raise Refusal(404, "", "resource not found")
    for one in found:
        ctx.delete(one)
