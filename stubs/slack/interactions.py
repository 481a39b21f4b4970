"""What a user does to an app: slash commands, clicks on blocks, submitted views.

The methods are those by which Slack's own clients tell it (undocumented by Slack): the user is whose token (`xoxp-`) calls.
https://docs.slack.dev/interactivity. Each brings the app a `trigger_id`, for a view, and a response URL.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from . import channels, posting
from .app_events import put_envelope
from .apps import own_app
from .callers import Caller, human, no
from .incoming_webhooks import app_itself

TRIGGER_MS = 3_000  # how long a trigger is good for
RESPONSES = 5  # to one response URL ...
RESPONSE_MS = 30 * 60_000  # ... within half an hour
_DIGITS = "0123456789"


@operation("POST /chat.command")
def command(ctx: Context) -> dict[str, Any]:
    """A user types a slash command."""
    me = human(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel"])
    name = ctx.body["command"]
    for app in ctx.list("app", newest_first=False):
        known = next((one for one in app.get("commands") or () if one["command"] == name), None)
        if known is None and not (app.get("socket_mode") and app.get("commands") is None):
            continue
        user = ctx.get("user", me.user)
        body = {
            "token": app.get("verification_token", ""), "team_id": me.team, "team_domain": ctx.get("team", me.team)["domain"],
            "channel_id": channel.id, "channel_name": channel.get("name", "directmessage"), "user_id": me.user,
            "user_name": user["name"], "command": name, "text": ctx.body.get("text", ""), "api_app_id": app.id,
            "is_enterprise_install": "false", "response_url": response_url(ctx, me, channel, "commands"),
            "trigger_id": trigger(ctx, me, app),
        }  # fmt: skip
        if app.get("socket_mode"):
            put_envelope(ctx, app, "slash_commands", body, answers=True)
        elif known and known.get("url"):
            secret, about = app.get("signing_secret", ""), f"command {channel.id} {me.user}"
            ctx.notify(known["url"], name, body, secret=secret, form=True, about=about)
        return {}
    raise no("unknown_command")


@operation("POST /blocks.actions")
def block_actions(ctx: Context) -> dict[str, Any]:
    """A user clicks, picks or types in a block of a message: `container` has its `channel_id` and `message_ts`."""
    me = human(ctx)
    container, actions = ctx.body["container"], ctx.body["actions"]
    if not isinstance(container, Mapping) or not isinstance(actions, list) or not actions:
        raise no("invalid_arguments")
    if container.get("view_id"):
        view = ctx.find("view", str(container["view_id"]))
        if view is None:
            raise no("view_not_found")
        app = own_app(ctx, view.get("app_id", ""))
        payload = {
            **_said(ctx, me, app, "block_actions"),
            "container": {"type": "view", "view_id": view.id},
            "view": _view(view),
        }
    else:
        channel = channels.inside(ctx, me, container.get("channel_id"))
        message = posting.found(ctx, channel, container.get("message_ts"))
        app = own_app(ctx, message.get("app_id", ""))
        payload = {
            **_said(ctx, me, app, "block_actions"),
            "container": {"type": "message", "message_ts": message["ts"], "channel_id": channel.id, "is_ephemeral": False},
            "channel": {"id": channel.id, "name": channel.get("name", "directmessage")}, "message": posting.shown(message),
            "response_url": response_url(ctx, me, channel, "actions", message["ts"]),
        }  # fmt: skip
    now = f"{ctx.now_ms() // 1000}.{ctx.now_ms() % 1000:03d}000"
    payload["actions"] = [{**action, "action_ts": now} for action in actions if isinstance(action, Mapping)]
    _tell(ctx, app, payload)
    return {}


@operation("POST /views.submit")
def view_submission(ctx: Context) -> dict[str, Any]:
    """A user submits a view, with what was filled in (`state`). The view closes unless the app answers otherwise."""
    me = human(ctx)
    view = ctx.find("view", ctx.body["view_id"])
    if view is None or view["type"] != "modal":
        raise no("view_not_found")
    state = ctx.body.get("state") or {"values": {}}
    if not isinstance(state, Mapping):
        raise no("invalid_arguments")
    app = own_app(ctx, view.get("app_id", ""))
    view = ctx.update(view, state={"values": dict(state.get("values", {}))})
    payload = {**_said(ctx, me, app, "view_submission"), "view": _view(view), "response_urls": []}
    _tell(ctx, app, payload, about=f"view {view.id}")
    return {}


def trigger(ctx: Context, me: Caller, app: Mapping[str, Any]) -> str:
    """A new trigger, good for one view within three seconds of the world's clock."""
    made = f"{ctx.token(13, _DIGITS)}.{ctx.token(12, _DIGITS)}.{ctx.token(32, '0123456789abcdef')}"
    ctx.create("trigger", made, user=me.user, app=app["id"], until=ctx.now_ms() + TRIGGER_MS, used=False)
    return made


def response_url(ctx: Context, me: Caller, channel: Entity, kind: str, message: str = "") -> str:
    """A new response URL."""
    secret, number = ctx.token(24), ctx.token(13, _DIGITS)
    until = ctx.now_ms() + RESPONSE_MS
    ctx.create(
        "response_url",
        secret,
        team=me.team,
        number=number,
        channel=channel.id,
        user=me.user,
        message=message,
        until=until,
        used=0,
    )
    return f"https://hooks.slack.com/{kind}/{me.team}/{number}/{secret}"


def answered(ctx: Context, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """What an app says to a command or a submission as it confirms it."""
    if asked.get("type") == "view_submission":
        _submitted(ctx, str(asked["view"]["id"]), answer)
    elif answer and "command" in asked and "channel_id" in asked:
        respond(ctx, ctx.get("channel", asked["channel_id"]), str(asked["user_id"]), answer)


@job("webhook answered")
def replied(ctx: Context, payload: dict[str, Any]) -> None:
    """Heed what an app says in its reply to a webhook: to a command, to a submitted view, to the challenge."""
    kind, _, about = payload["event"].partition(" ")
    if payload["state"] != "delivered":
        return
    said = payload["body"].strip()
    try:
        answer = json.loads(said or "{}")
    except (ValueError, RecursionError):
        answer = {"text": said}
    answer = answer if isinstance(answer, dict) else {"text": str(answer)}
    match kind:
        case "challenge":
            app_id, _, wanted = about.partition(" ")
            app = ctx.find("app", app_id)
            if app is not None and wanted not in said:
                ctx.update(app, request_url=None)  # whoever listens there isn't the app
        case "command" if answer:
            channel, _, user = about.partition(" ")
            with suppress(Refusal):
                respond(ctx, ctx.get("channel", channel), user, answer)
        case "view":
            _submitted(ctx, about, answer)


def _submitted(ctx: Context, view_id: str, answer: Mapping[str, Any]) -> None:
    """What becomes of a submitted view: it closes, unless the app says otherwise."""
    view = ctx.find("view", view_id)
    if view is None:
        return
    match answer.get("response_action"):
        case "errors":
            ctx.update(view, _errors=answer.get("errors", {}))
        case "update" if isinstance(answer.get("view"), Mapping):
            shown = answer["view"]
            ctx.update(view, **{name: shown[name] for name in ("title", "blocks") if name in shown})
        case "clear":
            for one in ctx.list("view", _user=view["_user"], type="modal"):
                ctx.delete(one)
        case _:
            ctx.delete(view)


def respond(
    ctx: Context, channel: Entity, user: str, answer: Mapping[str, Any], *, message: Entity | None = None
) -> None:
    """Post what an app answers: to the user alone, or for all in the channel; or change the message it was asked from."""
    me = app_itself(ctx)
    if message is not None and answer.get("delete_original"):
        ctx.delete(message)
        posting.changed(
            ctx, channel, "message_deleted", deleted_ts=message["ts"], previous_message=posting.shown(message)
        )
        return
    said = {**posting.author(ctx, me, {}), **posting.content(ctx, answer)}
    if message is not None and answer.get("replace_original"):
        before = posting.shown(message)
        cleared = {name: None for name in ("blocks", "attachments") if name in message and name not in said}
        after = posting.shown(
            ctx.update(message, **cleared, **{n: said[n] for n in ("text", "blocks", "attachments") if n in said})
        )
        posting.changed(ctx, channel, "message_changed", message=after, previous_message=before)
    elif answer.get("response_type") == "in_channel":
        posting.post(ctx, me, channel, said, thread=answer.get("thread_ts"))
    else:
        ts = posting.stamp(ctx)
        ctx.create("ephemeral", ts, **said, _channel=channel.id, _to=user)
        name = ctx.get("user", user)["name"]
        ctx.emit("posted_ephemeral", {"to": f"@{name}", "channel": channel.id, "ts": ts, "text": said["text"]})


def _said(ctx: Context, me: Caller, app: Entity, kind: str) -> dict[str, Any]:
    """What every interaction says."""
    user, team = ctx.get("user", me.user), ctx.get("team", me.team)
    return {
        "type": kind, "user": {"id": me.user, "username": user["name"], "name": user["name"], "team_id": me.team},
        "api_app_id": app.id, "token": app.get("verification_token", ""), "trigger_id": trigger(ctx, me, app),
        "team": {"id": me.team, "domain": team["domain"]}, "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip


def _tell(ctx: Context, app: Entity, payload: Mapping[str, Any], *, about: str = "") -> None:
    if app.get("socket_mode"):
        put_envelope(ctx, app, "interactive", payload, answers=True)
    elif app.get("interactivity_url"):
        secret = app.get("signing_secret", "")
        ctx.notify(
            app["interactivity_url"], payload["type"], {"payload": payload}, secret=secret, form=True, about=about
        )


def _view(view: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if not name.startswith("_")}
