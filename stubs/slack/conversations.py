"""Channels: listed, made, named, described, put away."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels, posting
from .callers import Caller, caller, no

TYPES = ("public_channel", "private_channel", "mpim", "im")
LONGEST_TOPIC = 250


@operation("POST /conversations.list")
def list_conversations(ctx: Context) -> dict[str, Any]:
    """The conversations that the caller may know of."""
    me = caller(ctx)
    return listing(
        ctx, me, [channel for channel in ctx.list("channel", newest_first=False) if channels.visible(channel, me)]
    )


@operation("POST /users.conversations")
def of_user(ctx: Context) -> dict[str, Any]:
    """The conversations that a user is in, of those that the caller may know of."""
    me = caller(ctx)
    user = channels.known_user(ctx, ctx.body["user"]).id if ctx.body.get("user") else me.user
    known = ctx.list("channel", newest_first=False)
    return listing(
        ctx, me, [one for one in known if user in one["_members"] and channels.visible(one, me)], count=False
    )


def listing(ctx: Context, me: Caller, known: list[Entity], *, count: bool = True) -> dict[str, Any]:
    """A page of conversations of the types that are asked for."""
    wanted = [part.strip() for part in str(ctx.body.get("types") or "public_channel").split(",")]
    if not set(wanted) <= set(TYPES):
        raise no("invalid_types")
    if ctx.body.get("exclude_archived"):
        known = [channel for channel in known if not channel["is_archived"]]
    page: dict[str, Any] = ctx.page([channel for channel in known if _type(channel) in wanted])
    page["channels"] = [
        channels.shown(channel, me, count=count and not channels.is_direct(channel)) for channel in page["channels"]
    ]
    return page


def _type(channel: Entity) -> str:
    if channels.is_direct(channel):
        return "im" if channel.get("is_im") else "mpim"
    return "private_channel" if channel["is_private"] else "public_channel"


@operation("POST /conversations.info")
def info(ctx: Context) -> dict[str, Any]:
    """One conversation."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    shown = channels.shown(channel, me, count=bool(ctx.body.get("include_num_members")))
    if ctx.body.get("include_locale"):
        shown["locale"] = "en-US"
    return {"channel": shown}


@operation("POST /conversations.create")
def create(ctx: Context) -> dict[str, Any]:
    """A new channel, with the caller in it."""
    me = caller(ctx)
    name = channels.checked_name(ctx, ctx.body["name"])
    private = bool(ctx.body.get("is_private"))
    members = list(dict.fromkeys([me.user, *channels.users_in(ctx.body.get("user_ids"))]))
    refusal = channels.unknown(ctx, members)
    if refusal is not None:
        raise refusal
    channel = channels.new_channel(ctx, me, name, private=private, members=members)
    brief = {**_brief(channel), "created": channel["created"], "creator": me.user, "is_channel": not private, "name_normalized": name,
             "is_shared": False, "is_org_shared": False, "context_team_id": me.team}  # fmt: skip
    if private:
        ctx.emit("group_joined", {"type": "group_joined", "channel": channels.shown(channel, me)})
    else:
        ctx.emit("channel_created", {"type": "channel_created", "channel": brief, "event_ts": posting.stamp(ctx)})
    ctx.emit("created", {"to": f"#{name}", "channel": channel.id})
    posting.note(ctx, me, channel, "channel_join", f"<@{me.user}> has joined the channel")
    return {"channel": channels.shown(channel, me)}


def _brief(channel: Entity) -> dict[str, Any]:
    return {"id": channel.id, "name": channel["name"]}


@operation("POST /conversations.rename")
def rename(ctx: Context) -> dict[str, Any]:
    """Give a channel another name."""
    me = caller(ctx)
    channel = _open_channel(ctx, me)
    if channel["is_general"] and not me.human:
        raise no("not_authorized")
    name = channels.checked_name(ctx, ctx.body["name"], but=channel.id)
    if name == channel["name"]:
        return {"channel": channels.shown(channel, me)}
    before = channel["name"]
    renamed = ctx.update(
        channel,
        name=name,
        name_normalized=name,
        previous_names=[before, *channel["previous_names"]],
        updated=ctx.now() * 1000,
    )
    _told(ctx, renamed, "rename", channel={**_brief(renamed), "created": renamed["created"]})
    posting.note(
        ctx,
        me,
        renamed,
        "channel_name",
        f'<@{me.user}> has renamed the channel from "{before}" to "{name}"',
        name=name,
        old_name=before,
    )
    return {"channel": channels.shown(renamed, me)}


@operation("POST /conversations.archive")
def archive(ctx: Context) -> dict[str, Any]:
    """Put a channel away: nothing can be said there any more."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    channels.only_channels(channel)
    if channel["is_archived"]:
        raise no("already_archived")
    if channel["is_general"]:
        raise no("cant_archive_general")
    if me.user not in channel["_members"]:
        raise no("not_in_channel")
    posting.note(ctx, me, channel, "channel_archive", f"<@{me.user}> archived the channel")
    _told(
        ctx,
        ctx.update(channel, is_archived=True, updated=ctx.now() * 1000),
        "archive",
        channel=channel.id,
        user=me.user,
    )
    ctx.emit("archived", {"to": f"#{channel['name']}", "channel": channel.id})
    return {}


@operation("POST /conversations.unarchive")
def unarchive(ctx: Context) -> dict[str, Any]:
    """Bring a channel back."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    channels.only_channels(channel)
    if not channel["is_archived"]:
        raise no("not_archived")
    back = ctx.update(channel, is_archived=False, updated=ctx.now() * 1000)
    _told(ctx, back, "unarchive", channel=channel.id, user=me.user)
    return {}


@operation("POST /conversations.setTopic")
def set_topic(ctx: Context) -> dict[str, Any]:
    """Say what a channel is about at the moment."""
    return _described(ctx, "topic")


@operation("POST /conversations.setPurpose")
def set_purpose(ctx: Context) -> dict[str, Any]:
    """Say what a channel is for."""
    return _described(ctx, "purpose")


def _described(ctx: Context, what: str) -> dict[str, Any]:
    me = caller(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel"])
    if channel["is_archived"]:
        raise no("is_archived")
    if channel.get("is_im"):
        raise no("method_not_supported_for_channel_type")
    text = str(ctx.body[what])
    if len(text) > LONGEST_TOPIC:
        raise no("too_long")
    said = posting.escaped(text)
    changed = ctx.update(
        channel, **{what: {"value": said, "creator": me.user, "last_set": ctx.now()}}, updated=ctx.now() * 1000
    )
    words = "topic" if what == "topic" else "description"
    posting.note(ctx, me, changed, f"channel_{what}", f"<@{me.user}> set the channel {words}: {said}", **{what: said})
    return {"channel": channels.shown(changed, me), what: said}


def _open_channel(ctx: Context, me: Caller) -> Entity:
    channel = channels.found(ctx, me, ctx.body["channel"])
    channels.only_channels(channel)
    if me.user not in channel["_members"]:
        raise no("not_in_channel")
    if channel["is_archived"]:
        raise no("is_archived")
    return channel


def _told(ctx: Context, about: Entity, what: str, **fields: Any) -> None:
    kind = f"{channels.kind_of(about)}_{what}"
    ctx.emit(kind, {"type": kind, **fields, "event_ts": posting.stamp(ctx)})
