"""Conversations as others need them: found by id or name, seen by somebody, told of.

Channels, private channels, direct messages and group messages are entities of one kind. `_members` are the ids of those
in one, in the order in which they came; what a caller is shown depends on who that is.
"""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .callers import Caller, no

_HIDDEN = frozenset({"_members", "_open", "_read"})


def is_direct(channel: Mapping[str, Any]) -> bool:
    """Whether a conversation is between people alone: a direct message, or one of a group."""
    return bool(channel.get("is_im") or channel.get("is_mpim"))


def visible(channel: Mapping[str, Any], me: Caller) -> bool:
    """Whether somebody may know of a conversation: of public channels, and of those they are in."""
    return not (channel.get("is_private") or is_direct(channel)) or me.user in channel["_members"]


def found(ctx: Context, me: Caller, wanted: Any) -> Entity:
    """A conversation by its id. Refuses one that isn't there, or that the caller may not know of."""
    channel = ctx.find("channel", str(wanted))
    if channel is None or not visible(channel, me):
        raise no("channel_not_found")
    return channel


def inside(ctx: Context, me: Caller, wanted: Any) -> Entity:
    """A conversation that the caller is in."""
    channel = found(ctx, me, wanted)
    if me.user not in channel["_members"]:
        raise no("not_in_channel")
    return channel


def addressed(ctx: Context, me: Caller, wanted: Any) -> Entity:
    """Where a message goes that is addressed to an id, to `#name`, `name` or a user: one that takes messages of the caller."""
    text = str(wanted)
    channel = None if text.startswith("#") else ctx.find("channel", text)
    if channel is None and text[:1] in {"U", "W"} and ctx.find("user", text) is not None:
        channel = direct(ctx, me, [text])
    if channel is None:
        channel = named(ctx, text.removeprefix("#"))
    if channel is None or not visible(channel, me):
        raise no("channel_not_found")
    if channel.get("is_archived"):
        raise no("is_archived")
    if me.user not in channel["_members"]:
        raise no("not_in_channel")
    return channel


def named(ctx: Context, name: str) -> Entity | None:
    """The channel of a name; None where there is none."""
    known = ctx.list("channel", name=name, limit=1)
    return known[0] if known else None


def new(ctx: Context, me: Caller, **fields: Any) -> Entity:
    """A new conversation with the fields that all have."""
    now = ctx.now()
    return ctx.create(
        "channel", fields.pop("id", None),
        **{
            "created": now, "is_archived": False, "is_im": False, "is_org_shared": False, "context_team_id": me.team,
            "updated": now * 1000, "_open": [], "_read": {}, **fields,
        },
    )  # fmt: skip


def new_channel(ctx: Context, me: Caller, name: str, *, private: bool, members: list[str], **fields: Any) -> Entity:
    """A new channel, private or not, made by the caller."""
    nothing = {"value": "", "creator": "", "last_set": 0}
    usual = {"topic": nothing, "purpose": nothing, "is_general": False, **fields}
    return new(
        ctx, me, name=name, name_normalized=name, is_channel=not private, is_group=private, is_mpim=False, is_private=private,
        is_shared=False, is_ext_shared=False, is_pending_ext_shared=False, unlinked=0, creator=me.user, parent_conversation=None,
        pending_shared=[], pending_connected_team_ids=[], shared_team_ids=[me.team], previous_names=[], _members=members, **usual,
    )  # fmt: skip


def direct(ctx: Context, me: Caller, users: list[str]) -> Entity:
    """The direct or group message of the caller with others; made if there was none."""
    known = standing(ctx, me, users)
    if known is not None:
        return known
    members = list(dict.fromkeys([me.user, *users]))
    if len(users) == 1:
        made = new(
            ctx, me, id=f"D{ctx.token(10, _LETTERS)}", is_im=True, priority=0, _members=members, _with=_key(members)
        )
        ctx.emit("im_created", {"type": "im_created", "user": me.user, "channel": shown(made, me)})
        return made
    names = "--".join(str(ctx.get("user", user)["name"]) for user in members)
    return new(
        ctx, me, id=f"G{ctx.token(10, _LETTERS)}", name=f"mpdm-{names}-1", name_normalized=f"mpdm-{names}-1", is_channel=False,
        is_group=True, is_mpim=True, is_private=True, is_general=False, is_shared=False, creator=me.user, unlinked=0,
        topic={"value": "Group messaging", "creator": me.user, "last_set": ctx.now()},
        purpose={"value": f"Group messaging with: @{names.replace('--', ' @')}", "creator": me.user, "last_set": ctx.now()},
        _members=members, _with=_key(members),
    )  # fmt: skip


def standing(ctx: Context, me: Caller, users: list[str]) -> Entity | None:
    """The direct or group message of the caller with others; None where there is none yet."""
    known = ctx.list("channel", _with=_key([me.user, *users]), limit=1)
    return known[0] if known else None


def _key(members: list[str]) -> str:
    return " ".join(sorted(set(members)))


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def shown(channel: Entity, me: Caller, *, count: bool = False) -> dict[str, Any]:
    """A conversation as the caller sees it; with `count`, how many are in it."""
    out = {name: value for name, value in channel.items() if not name.startswith("_")}
    members = channel["_members"]
    if channel.get("is_im"):
        out["user"] = next((user for user in members if user != me.user), me.user)
        out["is_user_deleted"] = False
        out["is_open"] = me.user in channel["_open"]
    else:
        out["is_member"] = me.user in members
    if is_direct(channel) or me.user in members:
        out["last_read"] = channel["_read"].get(me.user, "0000000000.000000")
    if count:
        out["num_members"] = len(members)
    return out


def kind_of(channel: Mapping[str, Any]) -> str:
    """A conversation's kind as events name it."""
    if channel.get("is_im"):
        return "im"
    if channel.get("is_mpim"):
        return "mpim"
    return "group" if channel.get("is_private") else "channel"


def title(ctx: Context, channel: Mapping[str, Any]) -> str:
    """A conversation as people call it, for reports: `#general`, `@maria`."""
    if not channel.get("is_im"):
        return f"#{channel['name']}"
    here = ctx.get("installation", "here")
    others = [user for user in channel["_members"] if user != here["bot_user"]]
    user = ctx.find("user", (others or channel["_members"])[-1])
    return f"@{user['name']}" if user is not None else "@somebody"


def only_channels(channel: Mapping[str, Any]) -> None:
    """Refuse what only channels can do of a direct message."""
    if is_direct(channel):
        raise no("method_not_supported_for_channel_type")


def checked_name(ctx: Context, name: Any, *, but: str = "") -> str:
    """A name for a channel, as Slack allows them. `but`: the id of the channel that may have it already."""
    text = str(name or "").removeprefix("#")
    if not text.strip():
        raise no("invalid_name_required")
    if len(text) > 80:
        raise no("invalid_name_maxlength")
    if not any(letter.isalnum() for letter in text):
        raise no("invalid_name_punctuation")
    if text != text.lower() or not all(letter.isalnum() or letter in "-_" for letter in text):
        raise no("invalid_name_specials")
    taken = named(ctx, text)
    if taken is not None and taken.id != but:
        raise no("name_taken")
    return text


def users_in(written: Any) -> list[str]:
    """User ids as clients write them: separated by commas, as JSON or as a list."""
    items = written if isinstance(written, list) else str(written or "").strip("[]").replace('"', "").split(",")
    return list(dict.fromkeys(part for part in (str(item).strip() for item in items) if part))


def known_user(ctx: Context, user: Any, code: str = "user_not_found") -> Entity:
    """A user by id."""
    known = ctx.find("user", str(user or ""))
    if known is None:
        raise no(code)
    return known


def unknown(ctx: Context, users: list[str]) -> Refusal | None:
    """The refusal of the first user that isn't there."""
    return next((no("user_not_found") for user in users if ctx.find("user", user) is None), None)
