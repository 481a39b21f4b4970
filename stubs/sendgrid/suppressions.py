"""Who is mailed no more: bounces, blocks, invalid addresses, spam reports, unsubscribes, and members of groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

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


def _listed(ctx: Context, kind: str, **where: Any) -> list[dict[str, Any]]:
    start, end = ctx.query.get("start_time"), ctx.query.get("end_time")
    found = [
        {name: one[name] for name in _FIELDS[kind]}
        for one in ctx.list("suppression", kind=kind, **where)
        if (start is None or one["created"] >= start) and (end is None or one["created"] <= end)
    ]
    first, most = int(ctx.query.get("offset") or 0), int(ctx.query.get("limit") or 500)
    return found[first : first + most]


def _removed(ctx: Context, kind: str) -> None:
    """Delete those that are named, or all."""
    if not ctx.body.get("delete_all") and not ctx.body.get("emails"):
        raise Refusal(400, "", "either delete_all or emails must be given")
    for one in ctx.list("suppression", kind=kind):
        if ctx.body.get("delete_all") or one["email"] in ctx.body["emails"]:
            ctx.delete(one)


def _remove(ctx: Context, kind: str, email: str) -> None:
    found = ctx.list("suppression", kind=kind, email=email)
    if not found:
        raise Refusal(404, "", "resource not found")
    for one in found:
        ctx.delete(one)


@operation("GET /suppression/bounces")
def bounces(ctx: Context) -> list[dict[str, Any]]:
    """Whose mail bounced."""
    return _listed(ctx, "bounces")


@operation("GET /suppression/bounces/{email}")
def bounce(ctx: Context, email: str) -> list[dict[str, Any]]:
    """Whether it did for one address."""
    return _listed(ctx, "bounces", email=email)


@operation("DELETE /suppression/bounces")
def remove_bounces(ctx: Context) -> None:
    """Forget some, or all."""
    _removed(ctx, "bounces")


@operation("DELETE /suppression/bounces/{email}")
def remove_bounce(ctx: Context, email: str) -> None:
    """Forget one."""
    _remove(ctx, "bounces", email)


@operation("GET /suppression/blocks")
def blocks(ctx: Context) -> list[dict[str, Any]]:
    """Whose server wouldn't take mail."""
    return _listed(ctx, "blocks")


@operation("GET /suppression/blocks/{email}")
def block(ctx: Context, email: str) -> list[dict[str, Any]]:
    """Whether it wouldn't for one address."""
    return _listed(ctx, "blocks", email=email)


@operation("DELETE /suppression/blocks")
def remove_blocks(ctx: Context) -> None:
    """Forget some, or all."""
    _removed(ctx, "blocks")


@operation("DELETE /suppression/blocks/{email}")
def remove_block(ctx: Context, email: str) -> None:
    """Forget one."""
    _remove(ctx, "blocks", email)


@operation("GET /suppression/spam_reports")
def spam_reports(ctx: Context) -> list[dict[str, Any]]:
    """Who reported mail as spam."""
    return _listed(ctx, "spam_reports")


@operation("GET /suppression/spam_reports/{email}")
def spam_report(ctx: Context, email: str) -> list[dict[str, Any]]:
    """Whether one address did."""
    return _listed(ctx, "spam_reports", email=email)


@operation("DELETE /suppression/spam_reports")
def remove_spam_reports(ctx: Context) -> None:
    """Forget some, or all."""
    _removed(ctx, "spam_reports")


@operation("DELETE /suppression/spam_reports/{email}")
def remove_spam_report(ctx: Context, email: str) -> None:
    """Forget one."""
    _remove(ctx, "spam_reports", email)


@operation("GET /suppression/invalid_emails")
def invalid_emails(ctx: Context) -> list[dict[str, Any]]:
    """Addresses that are none."""
    return _listed(ctx, "invalid_emails")


@operation("GET /suppression/unsubscribes")
def unsubscribes(ctx: Context) -> list[dict[str, Any]]:
    """Who wants no mail at all."""
    return _listed(ctx, "unsubscribes")


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


# --- groups


@operation("POST /asm/groups")
def create_group(ctx: Context) -> dict[str, Any]:
    """A kind of mail that people can unsubscribe from."""
    if not ctx.body.get("name"):
        raise Refusal(400, "", "name is required", param="name")
    if ctx.list("group", name=ctx.body["name"], limit=1):
        raise Refusal(400, "", "a group with that name already exists", param="name")
    made = ctx.create(
        "group",
        name=ctx.body["name"],
        description=ctx.body.get("description") or "",
        is_default=bool(ctx.body.get("is_default")),
    )
    return {"id": int(made.id), **{name: made[name] for name in ("name", "description", "is_default")}}


def _group(ctx: Context, group: Entity) -> dict[str, Any]:
    names = ("name", "description", "is_default")
    members = len(ctx.list("group_member", group=int(group.id)))
    return {
        "id": int(group.id),
        **{name: group[name] for name in names},
        "last_email_sent_at": None,
        "unsubscribes": members,
    }


@operation("GET /asm/groups")
def groups(ctx: Context) -> list[dict[str, Any]]:
    """All groups, or those with the ids that are asked for."""
    wanted = ctx.query.get("id")
    return [_group(ctx, one) for one in ctx.list("group") if wanted is None or int(one.id) == int(wanted)]


@operation("GET /asm/groups/{group_id}")
def group(ctx: Context, group_id: str) -> dict[str, Any]:
    """One of them."""
    shown = _group(ctx, ctx.get("group", group_id))
    return {name: value for name, value in shown.items() if name != "last_email_sent_at"}


@operation("PATCH /asm/groups/{group_id}")
def change_group(ctx: Context, group_id: str) -> dict[str, Any]:
    """Rename it, or describe it otherwise."""
    found = ctx.get("group", group_id)
    names = ("name", "description", "is_default")
    return _group(ctx, ctx.update(found, **{name: ctx.body[name] for name in names if name in ctx.body}))


@operation("DELETE /asm/groups/{group_id}")
def delete_group(ctx: Context, group_id: str) -> None:
    """Delete it, and who is in it."""
    ctx.delete(ctx.get("group", group_id))
    for one in ctx.list("group_member", group=int(group_id)):
        ctx.delete(one)


@operation("POST /asm/groups/{group_id}/suppressions")
def join(ctx: Context, group_id: str) -> dict[str, Any]:
    """Unsubscribe addresses from a group's mail."""
    number = int(ctx.get("group", group_id).id)
    for email in ctx.body["recipient_emails"]:
        if not ctx.list("group_member", group=number, email=email, limit=1):
            ctx.create("group_member", group=number, email=email, created_at=ctx.now_ms() // 1000)
    return {"recipient_emails": ctx.body["recipient_emails"]}


@operation("GET /asm/groups/{group_id}/suppressions")
def members(ctx: Context, group_id: str) -> list[str]:
    """Who is unsubscribed from it."""
    return [one["email"] for one in ctx.list("group_member", group=int(ctx.get("group", group_id).id))]


@operation("POST /asm/groups/{group_id}/suppressions/search")
def search(ctx: Context, group_id: str) -> list[str]:
    """Which of these are."""
    return [email for email in members(ctx, group_id) if email in ctx.body["recipient_emails"]]


@operation("DELETE /asm/groups/{group_id}/suppressions/{email}")
def leave(ctx: Context, group_id: str, email: str) -> None:
    """Subscribe an address again."""
    for one in ctx.list("group_member", group=int(ctx.get("group", group_id).id), email=email):
        ctx.delete(one)


@operation("GET /asm/suppressions")
def all_members(ctx: Context) -> list[dict[str, Any]]:
    """Who is unsubscribed from what."""
    names = {int(one.id): one["name"] for one in ctx.list("group")}
    return [
        {
            "email": one["email"],
            "group_id": one["group"],
            "group_name": names[one["group"]],
            "created_at": one["created_at"],
        }
        for one in ctx.list("group_member")
    ]


@operation("GET /asm/suppressions/{email}")
def groups_of(ctx: Context, email: str) -> dict[str, Any]:
    """All groups, and whether an address is unsubscribed from each."""
    mine = {one["group"] for one in ctx.list("group_member", email=email)}
    return {
        "suppressions": [
            {"id": int(one.id), "name": one["name"], "description": one["description"], "is_default": one["is_default"],
             "suppressed": int(one.id) in mine}
            for one in ctx.list("group")
        ]
    }  # fmt: skip
