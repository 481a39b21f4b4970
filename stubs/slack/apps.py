"""Apps: what Slack's settings pages hold of them, and the methods that change it by a manifest.

A world file or `seed.yaml` may list apps as they are. Without one, the first that asks for a Socket Mode connection gets
the workspace's own, which is told of everything that its bot can see.
"""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .callers import installation, no

_EVERYTHING = ("*",)


def own_app(ctx: Context, app_id: str = "") -> Entity:
    """An app by its id; or else the first there is, or the workspace's own, made now."""
    found = ctx.find("app", app_id) if app_id else None
    if found is not None:
        return found
    known = ctx.list("app", newest_first=False, limit=1)
    return known[0] if known else ctx.create("app", installation(ctx)["app"], **_own(ctx))


def wanted(app: Mapping[str, Any]) -> tuple[str, ...]:
    """The events that an app has subscribed to; all, where nobody has said."""
    events = app.get("events")
    return _EVERYTHING if events is None else tuple(events)


@operation("POST /apps.manifest.validate")
def validate(ctx: Context) -> dict[str, Any]:
    """Look at a manifest, and keep nothing."""
    _checked(ctx.body["manifest"])
    return {}


@operation("POST /apps.manifest.create")
def create(ctx: Context) -> dict[str, Any]:
    """An app by its manifest. Its request URL is asked for the challenge before it is told anything."""
    manifest = _checked(ctx.body["manifest"])
    app = ctx.create("app", **_settings(manifest), verified=False, **_secrets(ctx))
    secrets = ("client_id", "client_secret", "verification_token", "signing_secret")
    address = f"https://slack.com/oauth/v2/authorize?client_id={app['client_id']}&scope="
    return {"app_id": app.id, "credentials": {name: app[name] for name in secrets}, "oauth_authorize_url": address}


@operation("POST /apps.manifest.update")
def update(ctx: Context) -> dict[str, Any]:
    """Another manifest. A new request URL is asked for the challenge."""
    app = _known(ctx)
    settings = _settings(_checked(ctx.body["manifest"]))
    same = settings["request_url"] == app.get("request_url")
    ctx.update(app, **settings, verified=same and app.get("verified") is not False)
    return {"app_id": app.id, "permissions_updated": False}


@operation("POST /apps.manifest.export")
def export(ctx: Context) -> dict[str, Any]:
    """The manifest of an app: the one that it was made by, or one that says what is known of it."""
    app = _known(ctx)
    return {"manifest": app.get("manifest") or _manifest(app)}


@operation("POST /apps.manifest.delete")
def delete(ctx: Context) -> dict[str, Any]:
    """An app goes away, and nobody is told anything any more."""
    ctx.delete(_known(ctx))
    return {}


def _known(ctx: Context) -> Entity:
    found = ctx.find("app", ctx.body["app_id"])
    if found is None:
        raise no("invalid_app_id")
    return found


def _own(ctx: Context) -> dict[str, Any]:
    """The app whose bot is in the workspace from the start."""
    bot = ctx.get("bot", installation(ctx)["bot"])
    return {"name": bot["name"], **_secrets(ctx)}


def _secrets(ctx: Context) -> dict[str, str]:
    digits = "0123456789"
    return {
        "client_id": f"{ctx.token(12, digits)}.{ctx.token(13, digits)}",
        "client_secret": ctx.token(32, "0123456789abcdef"),
        "verification_token": ctx.token(24),
        "signing_secret": ctx.token(32, "0123456789abcdef"),
    }


def _checked(manifest: Any) -> Mapping[str, Any]:
    """A manifest that can be used: a JSON object with a name. Raises Slack's refusal."""
    if not isinstance(manifest, Mapping):
        raise no("invalid_manifest", errors=[{"message": "must be a JSON object", "pointer": "/"}])
    faults = []
    information = manifest.get("display_information")
    name = information.get("name") if isinstance(information, Mapping) else None
    if not isinstance(name, str) or not name:
        faults.append({"message": "missing required field: name", "pointer": "/display_information"})
    for path in (("settings", "event_subscriptions", "request_url"), ("settings", "interactivity", "request_url")):
        url = _at(manifest, *path)
        if url is not None and (not isinstance(url, str) or not url.startswith(("https://", "http://"))):
            faults.append({"message": "must be a valid url", "pointer": f"/{'/'.join(path)}"})
    if faults:
        raise no("invalid_manifest", errors=faults)
    return manifest


def _settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest matters here."""
    commands = _at(manifest, "features", "slash_commands")
    return {
        "name": str(_at(manifest, "display_information", "name")),
        "request_url": _at(manifest, "settings", "event_subscriptions", "request_url"),
        "events": list(_at(manifest, "settings", "event_subscriptions", "bot_events") or ()),
        "interactivity_url": _at(manifest, "settings", "interactivity", "request_url"),
        "socket_mode": bool(_at(manifest, "settings", "socket_mode_enabled")),
        "commands": [dict(one) for one in commands] if isinstance(commands, list) else [],
        "manifest": dict(manifest),
    }


def _manifest(app: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"socket_mode_enabled": bool(app.get("socket_mode"))}
    settings["event_subscriptions"] = {
        "request_url": app.get("request_url"),
        "bot_events": list(app.get("events") or ()),
    }
    return {"display_information": {"name": app["name"]}, "settings": settings}


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
