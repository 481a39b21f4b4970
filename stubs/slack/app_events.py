"""The Events API: what happens in the workspace, told to the apps that asked for it and whose bot can see it.

https://docs.slack.dev/apis/events-api. An app with Socket Mode is told over its connections, any other at its request URL.
"""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, hears

from .apps import wanted
from .callers import installation

_OF_MESSAGES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim", "app_home": "app_home"}
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@hears("*")
def hear(ctx: Context, kind: str, event: Mapping[str, Any]) -> None:
    """Tell apps of an event. What is told for reports alone has no `type` of Slack's, and is none."""
    if event.get("type") != kind:
        return
    place = _place(event)
    channel = ctx.find("channel", place) if place else None
    for app in ctx.list("app", newest_first=False):
        if _wants(app, event) and (channel is None or bot_of(ctx, app) in channel["_members"]):
            send(ctx, app, event)


def bot_of(ctx: Context, app: Mapping[str, Any]) -> str:
    """The user that an app acts as."""
    return str(app.get("bot_user_id") or installation(ctx)["bot_user"])


def send(ctx: Context, app: Entity, event: Mapping[str, Any]) -> None:
    """Send an event to one app, in its envelope."""
    team, told = installation(ctx)["team"], f"Ev0{ctx.token(9, _CAPITALS)}"
    body = {
        "token": app.get("verification_token", ""), "team_id": team, "context_team_id": team, "context_enterprise_id": None,
        "api_app_id": app.id, "event": dict(event), "type": "event_callback", "event_id": told,
        "event_time": ctx.now_ms() // 1000,
        "authorizations": [
            {"enterprise_id": None, "team_id": team, "user_id": bot_of(ctx, app), "is_bot": True, "is_enterprise_install": False}
        ],
        "is_ext_shared_channel": False, "event_context": f"4-{told}",
    }  # fmt: skip
    if app.get("socket_mode"):
        put_envelope(ctx, app, "events_api", body)
    elif app.get("request_url"):
        if app.get("verified") is False:
            challenge(ctx, app)
        ctx.notify(app["request_url"], event["type"], body, secret=app.get("signing_secret", ""))


def challenge(ctx: Context, app: Entity) -> None:
    """Ask a request URL to prove itself, once: https://docs.slack.dev/reference/events/url_verification."""
    asked = ctx.token(52)
    body = {"token": app.get("verification_token", ""), "challenge": asked, "type": "url_verification"}
    about = f"challenge {app.id} {asked}"
    ctx.notify(app["request_url"], "url_verification", body, secret=app.get("signing_secret", ""), about=about)
    ctx.update(app, verified=True)


def put_envelope(ctx: Context, app: Entity, kind: str, payload: Mapping[str, Any], *, answers: bool = False) -> Entity:
    """Have something sent over a connection of Socket Mode; it waits until one takes and confirms it."""
    return ctx.create(
        "envelope", app=app.id, kind=kind, payload=dict(payload), answers=answers, state="waiting", sent=0
    )


def _place(event: Mapping[str, Any]) -> str:
    """The id of the conversation that an event is about; "" where it is about none, or about its being there."""
    item = event.get("item")
    place = item.get("channel") if isinstance(item, Mapping) else event.get("channel", event.get("channel_id"))
    return place if isinstance(place, str) else ""


def _wants(app: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    kind = str(event["type"])
    if kind == "message":
        kind = f"message.{_OF_MESSAGES.get(str(event.get('channel_type', 'channel')), 'channels')}"
    return bool({"*", kind} & set(wanted(app)))
