"""Profiles: what users say of themselves."""

from typing import Any

from childproof.stubkit import Context, operation

from . import channels, posting
from .callers import caller, human, no

_LONGEST = {"status_text": 100, "real_name": 50, "display_name": 80, "title": 100, "first_name": 50, "last_name": 50}
_OWN = frozenset({
    "first_name", "last_name", "real_name", "display_name", "title", "phone", "skype", "pronouns", "email", "fields", "status_text",
    "status_emoji", "status_expiration",
})  # fmt: skip


@operation("POST /users.profile.get")
def get(ctx: Context) -> dict[str, Any]:
    """A user's profile."""
    me = caller(ctx)
    return {"profile": channels.known_user(ctx, ctx.body.get("user") or me.user)["profile"]}


@operation("POST /users.profile.set")
def set_profile(ctx: Context) -> dict[str, Any]:
    """Change one's own profile, or as an admin somebody's."""
    me = human(ctx)
    user = channels.known_user(ctx, ctx.body.get("user") or me.user)
    if user.id != me.user and not ctx.get("user", me.user)["is_admin"]:
        raise no("not_admin")
    given = ctx.body.get("profile")
    if given is None:
        if not ctx.body.get("name"):
            raise no("invalid_profile")
        given = {ctx.body["name"]: ctx.body.get("value", "")}
    if not isinstance(given, dict):
        raise no("invalid_profile")
    changed = {name: value for name, value in given.items() if name in _OWN}
    for name, longest in _LONGEST.items():
        if len(str(changed.get(name, ""))) > longest:
            raise no("profile_status_set_failed_too_long" if name == "status_text" else "invalid_profile")
    profile = {**user["profile"], **changed}
    if {"first_name", "last_name"} & changed.keys() and "real_name" not in changed:
        profile["real_name"] = f"{profile['first_name']} {profile['last_name']}".strip()
    profile["real_name_normalized"] = profile["real_name"]
    profile["display_name_normalized"] = profile["display_name"]
    if profile.get("status_text") and not profile.get("status_emoji"):
        profile["status_emoji"] = ":speech_balloon:"
    saved = ctx.update(
        user,
        profile=profile,
        real_name=profile["real_name"],
        updated=ctx.now(),
        _email=str(profile.get("email") or "").lower(),
    )
    shown = {name: value for name, value in saved.items() if not name.startswith("_")}
    for kind in ("user_change", "user_profile_changed"):
        ctx.emit(kind, {"type": kind, "user": shown, "cache_ts": ctx.now(), "event_ts": posting.stamp(ctx)})
    return {"profile": saved["profile"], "username": saved["name"]}
