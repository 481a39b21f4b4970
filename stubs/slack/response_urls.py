"""Where an app answers what a user did: five times within half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from childproof.stubkit import Context, Refusal, Response, operation

from .incoming_webhooks import answer, said_in
from .interactions import RESPONSES, respond


@operation("POST /commands/{team}/{number}/{secret}")
def to_command(ctx: Context, team: str, number: str, secret: str) -> Response:
    """Answer a slash command."""
    return _respond(ctx, team, number, secret)


@operation("POST /actions/{team}/{number}/{secret}")
def to_action(ctx: Context, team: str, number: str, secret: str) -> Response:
    """Answer an interaction: with another message, or by changing the one it came from."""
    return _respond(ctx, team, number, secret)


def _respond(ctx: Context, team: str, number: str, secret: str) -> Response:
    known = ctx.find("response_url", secret)
    if known is None or known["number"] != number or known["team"] != team:
        return Response(404, {"ok": False, "error": "invalid_url"})
    if known["until"] < ctx.now_ms():
        return Response(404, {"ok": False, "error": "expired_url"})
    if known["used"] >= RESPONSES:
        return Response(404, {"ok": False, "error": "used_url"})
    said = said_in(ctx)
    if isinstance(said, Response):
        return said
    message = ctx.find("message", known["message"]) if known["message"] else None
    try:
        respond(ctx, ctx.get("channel", known["channel"]), known["user"], said, message=message)
    except Refusal as refusal:
        return answer(400, str(refusal.code))
    ctx.update(known, used=known["used"] + 1)
    return answer(200, "ok")
