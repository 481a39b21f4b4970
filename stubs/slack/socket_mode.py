"""Socket Mode: events, commands and interactions over a WebSocket that the app opens.

https://docs.slack.dev/apis/events-api/using-socket-mode. What is to be sent waits in the world as an envelope until the
app has confirmed it: a connection that breaks, and a process that is killed, lose nothing. It may come twice then.
"""

from typing import Any

from childproof.stubkit import Accept, Close, Context, Entity, Message, News, Refusal, job, operation, websocket

from .apps import own_app
from .callers import no
from .interactions import answered

TICKET_MS = 30_000  # how long the address of a connection is good for
LIFETIME = 18_060  # seconds that a connection lasts, as `hello` says
PATIENCE_MS = 60_000  # before what nobody has confirmed is sent once more
MOST_ATTEMPTS = 4
MOST_WAITING = 100  # envelopes that an app gets which wasn't there; what is older is dropped


@operation("POST /apps.connections.open")
def connections_open(ctx: Context) -> dict[str, Any]:
    """The address of one connection; asking for it switches Socket Mode on."""
    token = ctx.body.get("app_token") or ctx.key or ""
    if not token.startswith("xapp-"):
        raise no("not_allowed_token_type")
    parts = token.split("-")
    app = own_app(ctx, parts[2] if len(parts) > 2 else "")
    if not app.get("socket_mode"):
        ctx.update(app, socket_mode=True)
    ticket = ctx.create("socket_ticket", app=app.id, until=ctx.now_ms() + TICKET_MS)
    return {"url": f"wss://wss-primary.slack.com/link/?ticket={ticket.id}&app_id={app.id}"}


@websocket("/link")
def link(ctx: Context, message: Message | Close | News | None) -> Any:
    """One connection of an app."""
    match message:
        case None:
            return _connect(ctx)
        case News():
            return _news(ctx)
        case Close():
            return _leave(ctx)
        case _:
            return _confirmed(ctx, message)


@job("retire socket")
def retire(ctx: Context, payload: dict[str, Any]) -> None:
    """A connection has lasted long enough."""
    found = ctx.find("socket", payload["socket"])
    if found is not None:
        ctx.update(found, retired=True)


def _connect(ctx: Context) -> Accept:
    asked = dict(pair.partition("=")[::2] for pair in ctx.call.query.split("&"))
    ticket = ctx.find("socket_ticket", asked.get("ticket", ""))
    if ticket is None or ticket["until"] < ctx.now_ms():
        raise Refusal(401, "invalid_auth")
    ctx.delete(ticket)
    app = ticket["app"]
    for old in ctx.list("envelope", app=app)[MOST_WAITING:]:
        ctx.delete(old)
    for envelope in ctx.list("envelope", app=app, state="sent", newest_first=False):
        ctx.update(envelope, state="waiting")  # whoever had it may be gone: twice is better than never
    socket = ctx.create("socket", app=app, retired=False)
    ctx.schedule(LIFETIME * 1000, "retire socket", {"socket": socket.id})
    ctx.session.update(app=app, socket=socket.id)
    hello = {
        "type": "hello", "num_connections": len(ctx.list("socket", app=app)), "connection_info": {"app_id": app},
        "debug_info": {"host": "applink-1", "build_number": 1, "approximate_connection_time": LIFETIME},
    }  # fmt: skip
    return Accept([hello], follows=True)


def _news(ctx: Context) -> list[Any]:
    socket = ctx.find("socket", ctx.session["socket"])
    if socket is None or socket["retired"]:
        reason = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "applink-1"}}
        return [reason, Close(1000)]
    app, now = ctx.session["app"], ctx.now_ms()
    due = ctx.list("envelope", app=app, state="waiting", newest_first=False, limit=100)
    late = [
        one
        for one in ctx.list("envelope", app=app, state="sent", newest_first=False, limit=100)
        if one["at"] + PATIENCE_MS <= now
    ]
    for given_up in (one for one in late if one["sent"] >= MOST_ATTEMPTS):
        ctx.delete(given_up)
    return [_sent(ctx, one) for one in (*due, *late) if one["sent"] < MOST_ATTEMPTS]


def _sent(ctx: Context, envelope: Entity) -> dict[str, Any]:
    attempt = envelope["sent"]
    ctx.update(envelope, state="sent", sent=attempt + 1, at=ctx.now_ms(), socket=ctx.session["socket"])
    said = {"envelope_id": envelope.id, "payload": envelope["payload"], "type": envelope["kind"]}
    if envelope["kind"] == "events_api":
        said |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
    return {**said, "accepts_response_payload": envelope["answers"]}


def _confirmed(ctx: Context, message: Message) -> None:
    """A confirmation, maybe with an answer. What is none, or of something that nobody waits for, is passed over."""
    try:
        said = message.json()
    except Refusal:
        return
    envelope = ctx.find("envelope", str(said.get("envelope_id", ""))) if isinstance(said, dict) else None
    if envelope is None or envelope["app"] != ctx.session["app"]:
        return
    ctx.delete(envelope)
    answer = said.get("payload")
    if envelope["answers"]:
        answered(ctx, envelope["payload"], answer if isinstance(answer, dict) else {})


def _leave(ctx: Context) -> None:
    socket = ctx.find("socket", ctx.session["socket"])
    if socket is not None:
        ctx.delete(socket)
    for envelope in ctx.list("envelope", socket=ctx.session["socket"], state="sent", newest_first=False):
        ctx.update(envelope, state="waiting")
