"""Views: modals that an app opens for a user who did something, and the home tab that each user has of it.

https://docs.slack.dev/surfaces/modals. A modal needs a `trigger_id`, which comes with each interaction (`interactions.py`).
`_user` is who sees a view.
"""

import json
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .app_events import bot_of
from .apps import own_app
from .blocks import MOST_IN_VIEW, checked_blocks, faults_of
from .callers import Caller, caller, no

LARGEST = 250_000  # bytes of a view
MOST_PUSHED = 3  # modals of a stack
LONGEST_TITLE = 24
LONGEST_METADATA = 3000
LONGEST_ID = 255


@operation("POST /views.open")
def open_view(ctx: Context) -> dict[str, Any]:
    """Open a modal for the user of a trigger."""
    me = caller(ctx)
    view = _checked(ctx, ctx.body["view"], {"modal"})
    trigger = _exchanged(ctx)
    for old in ctx.list("view", _user=trigger["user"], type="modal", app_id=trigger["app"]):
        ctx.delete(old)
    return {"view": shown(_made(ctx, me, view, trigger["user"]))}


@operation("POST /views.push")
def push(ctx: Context) -> dict[str, Any]:
    """Put a modal on top of the one that the user has open."""
    me = caller(ctx)
    view = _checked(ctx, ctx.body["view"], {"modal"})
    trigger = _exchanged(ctx)
    stack = ctx.list("view", _user=trigger["user"], type="modal", app_id=trigger["app"], newest_first=False)
    if not stack:
        raise no("not_found")
    if len(stack) >= MOST_PUSHED:
        raise no("push_limit_reached")
    return {
        "view": shown(_made(ctx, me, view, trigger["user"], root_view_id=stack[0].id, previous_view_id=stack[-1].id))
    }


@operation("POST /views.update")
def update(ctx: Context) -> dict[str, Any]:
    """Show another view in the place of one that is open."""
    caller(ctx)
    body = ctx.body
    if not body.get("view_id") and not body.get("external_id"):
        raise no("invalid_arguments", "view_id or external_id is required")
    known = ctx.find("view", body["view_id"]) if body.get("view_id") else _named(ctx, body["external_id"])
    if known is None:
        raise no("not_found")
    view = _checked(ctx, body["view"], {known["type"]}, but=known.id)
    return {"view": shown(_replaced(ctx, known, view))}


@operation("POST /views.publish")
def publish(ctx: Context) -> dict[str, Any]:
    """Show a user the app's home tab."""
    me = caller(ctx)
    user = ctx.find("user", ctx.body["user_id"])
    if user is None:
        raise no("invalid_arguments", "invalid user_id [json-pointer:/user_id]")
    view = _checked(ctx, ctx.body["view"], {"home"})
    known = next(iter(ctx.list("view", _user=user.id, type="home", limit=1)), None)
    if known is not None:
        return {"view": shown(_replaced(ctx, known, view))}
    if ctx.body.get("hash"):
        raise no("hash_conflict")
    return {"view": shown(_made(ctx, me, view, user.id))}


def shown(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view as it is shown."""
    return {name: value for name, value in view.items() if not name.startswith("_")}


def _made(ctx: Context, me: Caller, view: Mapping[str, Any], user: str, **more: Any) -> Entity:
    view_id, app = ctx.new_id("view"), own_app(ctx)
    fields: dict[str, Any] = {
        "team_id": me.team, "type": "modal", "title": None, "submit": None, "close": None, "private_metadata": "", "callback_id": "",
        "external_id": "", "state": {"values": {}}, "hash": _hash(ctx), "clear_on_close": False, "notify_on_close": False,
        "root_view_id": view_id, "previous_view_id": None, "app_id": app.id, "app_installed_team_id": me.team, "bot_id": me.bot,
        **view, **more, "_user": user,
    }  # fmt: skip
    made = ctx.create("view", view_id, **fields)
    ctx.emit("opened", {"view": view_id, "type": made["type"], "user": user, "by": bot_of(ctx, app)})
    return made


def _replaced(ctx: Context, known: Entity, view: Mapping[str, Any]) -> Entity:
    if ctx.body.get("hash") and ctx.body["hash"] != known["hash"]:
        raise no("hash_conflict")
    whole = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
    }
    return ctx.update(known, **{**whole, **view}, hash=_hash(ctx))


def _exchanged(ctx: Context) -> Entity:
    """A trigger, which is used up now."""
    known = ctx.find("trigger", str(ctx.body.get("trigger_id") or ctx.body.get("interactivity_pointer") or ""))
    if known is None:
        if not ctx.body.get("trigger_id") and not ctx.body.get("interactivity_pointer"):
            raise no("invalid_arguments", "missing required field: trigger_id")
        raise no("invalid_trigger_id")
    if known["used"]:
        raise no("exchanged_trigger_id")
    if known["until"] < ctx.now_ms():
        raise no("expired_trigger_id")
    return ctx.update(known, used=True)


def _checked(ctx: Context, view: Any, types: set[str], *, but: str = "") -> dict[str, Any]:
    """A view that may be shown, as it is kept. `but` is the id of the view that may have its external id already."""
    if not isinstance(view, Mapping):
        raise no("invalid_arguments", "must be a JSON object [json-pointer:/view]")
    if len(json.dumps(view).encode()) > LARGEST:
        raise no("view_too_large")
    faults = [*_faults(view, types)]
    if faults:
        raise no("invalid_arguments", *faults)
    external = view.get("external_id")
    other = _named(ctx, external) if external else None
    if other is not None and other.id != but:
        raise no("duplicate_external_id")
    known = ("type", "title", "submit", "close", "private_metadata", "callback_id", "external_id", "clear_on_close", "notify_on_close",
             "submit_disabled")  # fmt: skip
    return {
        **{name: view[name] for name in known if view.get(name) is not None},
        "blocks": checked_blocks(ctx, view["blocks"], most=MOST_IN_VIEW),
    }


def _faults(view: Mapping[str, Any], types: set[str]) -> list[str]:
    faults = []
    kind, blocks = view.get("type"), view.get("blocks")
    if kind not in types:
        faults.append(f"must be one of: {', '.join(sorted(types))} [json-pointer:/view/type]")
    if not isinstance(blocks, list):
        faults.append("missing required field: blocks [json-pointer:/view]")
    else:
        faults += faults_of(blocks, "/view/blocks", MOST_IN_VIEW)
    if kind == "modal":
        if not view.get("title"):
            faults.append("missing required field: title [json-pointer:/view]")
        faults += (fault for name in ("title", "submit", "close") if (fault := _plain_text(view.get(name), name)))
        inputs = isinstance(blocks, list) and any(
            isinstance(one, Mapping) and one.get("type") == "input" for one in blocks
        )
        if inputs and not view.get("submit"):
            faults.append("submit is required when an input block is within blocks [json-pointer:/view/submit]")
    for name, most in (
        ("private_metadata", LONGEST_METADATA),
        ("callback_id", LONGEST_ID),
        ("external_id", LONGEST_ID),
    ):
        if isinstance(view.get(name), str) and len(view[name]) > most:
            faults.append(f"must be less than {most + 1} characters [json-pointer:/view/{name}]")
    return faults


def _plain_text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, Mapping) or value.get("type") != "plain_text" or not isinstance(value.get("text"), str):
        return f"must be a plain_text object [json-pointer:/view/{name}]"
    if len(value["text"]) > LONGEST_TITLE:
        return f"must be less than {LONGEST_TITLE + 1} characters [json-pointer:/view/{name}/text]"
    return ""


def _named(ctx: Context, external: Any) -> Entity | None:
    return next(iter(ctx.list("view", external_id=str(external), limit=1)), None)


def _hash(ctx: Context) -> str:
    return f"{ctx.now_ms() // 1000}.{ctx.token(8)}"
