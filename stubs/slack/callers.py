"""Who calls: the app's bot by its token (`xoxb-`), or the user who installed it (`xoxp-`). And how Slack says no."""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .scopes import NEEDED

HERE = "here"  # the id of the one installation of a world


@dataclass(frozen=True, slots=True)
class Caller:
    """As whom a call acts. `bot` and `app` are those of the app; `human` says whether the token is a user's."""

    user: str
    team: str
    bot: str
    app: str
    human: bool


def no(code: str, *messages: str, **extra: Any) -> Refusal:
    """Slack's refusal: `{"ok": false, "error": code}`, with its longer words where there are any."""
    told: dict[str, Any] = (
        {"response_metadata": {"messages": [f"[ERROR] {message}" for message in messages]}} if messages else {}
    )
    return Refusal(200, code, **told, **extra)


def installation(ctx: Context) -> Entity:
    """The app's installation: ids of `team`, `app`, `bot`, its `bot_user`, the `user` who installed it, `general`."""
    return ctx.get("installation", HERE)


def caller(ctx: Context) -> Caller:
    """Who calls. Refuses app-level tokens, and tokens that a world file gave too few scopes."""
    key = ctx.key or ""
    if key.startswith("xapp"):
        raise no("not_allowed_token_type")
    known = ctx.find("token", key) if key else None
    if known is not None:
        _check_scopes(ctx, known)
    here = installation(ctx)
    human = key.startswith(("xoxp", "xoxe.xoxp", "xoxs")) if known is None else bool(known.get("user"))
    owner = known.get("user") if known is not None else None
    user = str(here["bot_user"]) if not human else str(owner or here["user"])
    return Caller(user, str(here["team"]), str(here["bot"]), str(here["app"]), human)


def human(ctx: Context) -> Caller:
    """Who calls, where only a user may."""
    me = caller(ctx)
    if not me.human:
        raise no("not_allowed_token_type")
    return me


def _check_scopes(ctx: Context, token: Entity) -> None:
    held, needed = token.get("scopes"), NEEDED.get(ctx.operation)
    if held is not None and needed is not None and not needed & set(held):
        raise no("missing_scope", needed=min(needed), provided=",".join(held))
