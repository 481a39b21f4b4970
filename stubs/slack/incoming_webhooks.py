"""Incoming webhooks: a message posted to an address, which is all that it takes.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. As any token will do, so will any address in
Slack's form: it posts to #general. Where a world file lists webhooks (`id`, `secret`, `channel`), only those are known.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import channels, posting
from .callers import Caller, installation

_STATUS = {"channel_not_found": 404, "is_archived": 410}
_HOOK, _SECRET = re.compile(r"B[A-Z0-9]{6,}"), re.compile(r"[A-Za-z0-9]{8,}")


@operation("POST /services/{team}/{hook}/{secret}")
def incoming(ctx: Context, team: str, hook: str, secret: str) -> Response:
    """Post a message to the webhook's channel, whatever channel, name and picture the message asks for."""
    if not team.startswith("T"):
        return answer(404, "no_team")
    known = _known(ctx, hook, secret)
    if known is None:
        return answer(404, "no_service")
    if known.get("active") is False:
        return answer(404, "no_active_hooks")
    said = said_in(ctx)
    if isinstance(said, Response):
        return said
    name = str(known["channel"])
    channel = ctx.find("channel", name) or channels.named(ctx, name.removeprefix("#"))
    if channel is None:
        return answer(404, "channel_not_found")
    if channel.get("is_archived"):
        return answer(410, "channel_is_archived")
    me = app_itself(ctx)
    try:
        message = {**posting.author(ctx, me, {}), "subtype": "bot_message", **posting.content(ctx, said)}
        posting.post(ctx, me, channel, message, thread=said.get("thread_ts"))
    except Refusal as refusal:
        return answer(_STATUS.get(str(refusal.code), 400), str(refusal.code))
    return answer(200, "ok")


def app_itself(ctx: Context) -> Caller:
    """The app, where nobody calls with a token."""
    here = installation(ctx)
    return Caller(here["bot_user"], here["team"], here["bot"], here["app"], human=False)


def said_in(ctx: Context) -> Mapping[str, Any] | Response:
    """The message in a body: JSON, whatever the body calls itself, or a form with JSON in `payload`; or what is wrong."""
    text = ctx.call.body.decode(errors="replace").strip()
    if not text.startswith(("{", "[", '"')):
        text = parse_qs(text).get("payload", [""])[0]
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return answer(400, "invalid_payload")
    return said if isinstance(said, Mapping) else answer(400, "invalid_payload")


def answer(status: int, text: str) -> Response:
    """What such an address answers: a word."""
    return Response(status, text, {"Content-Type": "text/html"})


def _known(ctx: Context, hook: str, secret: str) -> Entity | None:
    found = ctx.find("incoming_webhook", hook)
    if found is not None:
        return found if found["secret"] == secret else None
    if any(not one.get("_any") for one in ctx.list("incoming_webhook")) or not _HOOK.fullmatch(hook):
        return None
    if not _SECRET.fullmatch(secret):
        return None
    return ctx.create(
        "incoming_webhook", hook, secret=secret, channel=installation(ctx)["general"], active=True, _any=True
    )
