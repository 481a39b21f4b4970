"""Groups: kinds of mail that people can unsubscribe from, each with who has."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation


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
