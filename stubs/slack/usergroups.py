"""User groups: several users under one handle."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels
from .callers import Caller, caller, no


@operation("POST /usergroups.create")
def create(ctx: Context) -> dict[str, Any]:
    """A new group, without anybody in it."""
    me = caller(ctx)
    name = str(ctx.body["name"]).strip()
    handle = str(ctx.body.get("handle") or name.lower().replace(" ", "-"))
    _unused(ctx, name, handle, "")
    now = ctx.now()
    made = ctx.create(
        "usergroup", team_id=me.team, is_usergroup=True, is_subteam=True, name=name, handle=handle, is_external=False,
        description=ctx.body.get("description", ""), date_create=now, date_update=now, date_delete=0, auto_type=None,
        auto_provision=False, enterprise_subteam_id="", created_by=me.user, updated_by=me.user, deleted_by=None, users=[],
        prefs={"channels": _channels(ctx, me), "groups": []}, user_count=0, channel_count=len(_channels(ctx, me)),
    )  # fmt: skip
    ctx.emit("subteam_created", {"type": "subteam_created", "subteam": made})
    return {"usergroup": _shown(ctx, made)}


@operation("POST /usergroups.update")
def update(ctx: Context) -> dict[str, Any]:
    """Change a group's name, handle, description or channels."""
    me = caller(ctx)
    group = _found(ctx)
    fields = {name: ctx.body[name] for name in ("name", "handle", "description") if ctx.body.get(name) is not None}
    _unused(ctx, fields.get("name", ""), fields.get("handle", ""), group.id)
    if ctx.body.get("channels") is not None:
        fields["prefs"] = {"channels": _channels(ctx, me), "groups": []}
        fields["channel_count"] = len(fields["prefs"]["channels"])
    return _changed(ctx, me, group, **fields)


@operation("POST /usergroups.disable")
def disable(ctx: Context) -> dict[str, Any]:
    """Put a group away."""
    me = caller(ctx)
    group = _found(ctx)
    if group["date_delete"]:
        raise no("already_disabled")
    return _changed(ctx, me, group, date_delete=ctx.now(), deleted_by=me.user)


@operation("POST /usergroups.enable")
def enable(ctx: Context) -> dict[str, Any]:
    """Bring a group back."""
    me = caller(ctx)
    group = _found(ctx)
    if not group["date_delete"]:
        raise no("already_enabled")
    return _changed(ctx, me, group, date_delete=0, deleted_by=None)


@operation("POST /usergroups.list")
def list_groups(ctx: Context) -> dict[str, Any]:
    """The groups of the workspace."""
    caller(ctx)
    known = ctx.list("usergroup", newest_first=False)
    return {
        "usergroups": [_shown(ctx, one) for one in known if ctx.body.get("include_disabled") or not one["date_delete"]]
    }


@operation("POST /usergroups.users.list")
def list_members(ctx: Context) -> dict[str, Any]:
    """Who is in a group."""
    caller(ctx)
    return {"users": _found(ctx)["users"]}


@operation("POST /usergroups.users.update")
def update_members(ctx: Context) -> dict[str, Any]:
    """Say who is in a group: those, and nobody else."""
    me = caller(ctx)
    group, users = _found(ctx), channels.users_in(ctx.body["users"])
    if not users:
        raise no("no_users_provided")
    if channels.unknown(ctx, users) is not None:
        raise no("invalid_users")
    return _changed(ctx, me, group, users=users, user_count=len(users))


def _found(ctx: Context) -> Entity:
    group = ctx.find("usergroup", str(ctx.body["usergroup"]))
    if group is None:
        raise no("no_such_subteam")
    return group


def _unused(ctx: Context, name: str, handle: str, but: str) -> None:
    for group in ctx.list("usergroup"):
        if group.id != but and name and group["name"] == name:
            raise no("name_already_exists")
        if group.id != but and handle and group["handle"] == handle:
            raise no("handle_already_exists")


def _channels(ctx: Context, me: Caller) -> list[str]:
    return [channels.found(ctx, me, channel).id for channel in channels.users_in(ctx.body.get("channels"))]


def _changed(ctx: Context, me: Caller, group: Entity, **fields: Any) -> dict[str, Any]:
    changed = ctx.update(group, **fields, updated_by=me.user, date_update=ctx.now())
    ctx.emit("subteam_updated", {"type": "subteam_updated", "subteam": changed})
    return {"usergroup": _shown(ctx, changed)}


def _shown(ctx: Context, group: Entity) -> dict[str, Any]:
    shown = dict(group)
    if ctx.operation == "POST /usergroups.list" and not ctx.body.get("include_users"):
        del shown["users"]
    return shown
