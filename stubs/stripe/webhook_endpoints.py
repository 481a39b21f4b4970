"""Webhook endpoints: where events go. The kit delivers and signs; here is what Stripe makes of the endpoint itself."""

import re
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, SeedContext, Seeding, operation, seeds

from .fields import generic, new, picked

MOST = 16  # of an account (docs.stripe.com/webhooks); each event becomes a message to every one that wants it
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)


@operation("POST /v1/webhook_endpoints")
def create(ctx: Context) -> Entity:
    """Register a URL. The secret is told this once."""
    body = ctx.body
    if len(ctx.list("webhook_endpoint", limit=MOST)) == MOST:
        raise Refusal(400, None, f"You have reached the maximum of {MOST} test webhook endpoints.")
    return new(
        ctx,
        "webhook_endpoint",
        api_version=body.get("api_version"),
        application=None,
        description=body.get("description") or None,
        enabled_events=body["enabled_events"],
        metadata=body.get("metadata") or {},
        secret=_secret(ctx),
        status="enabled",
        url=_checked(body["url"]),
        _connect=bool(body.get("connect")),
    )


@operation("GET /v1/webhook_endpoints/{webhook_endpoint}")
def retrieve(ctx: Context, webhook_endpoint: str) -> dict[str, Any]:
    """An endpoint, without its secret."""
    return _shown(ctx.get("webhook_endpoint", webhook_endpoint))


@operation("GET /v1/webhook_endpoints")
def listed(ctx: Context) -> dict[str, Any]:
    """All endpoints, without their secrets."""
    found = generic(ctx)
    return found | {"data": [_shown(endpoint) for endpoint in found["data"]]}


@operation("POST /v1/webhook_endpoints/{webhook_endpoint}")
def update(ctx: Context, webhook_endpoint: str) -> dict[str, Any]:
    """Change an endpoint, switch it off or on. What is under way to one that is off isn't sent any more."""
    endpoint = ctx.get("webhook_endpoint", webhook_endpoint)
    changes = picked(ctx.body, "enabled_events", "metadata", "url", "description")
    if "url" in changes:
        _checked(changes["url"])
    if "description" in changes:
        changes["description"] = changes["description"] or None
    if "disabled" in ctx.body:
        changes["status"] = "disabled" if ctx.body["disabled"] else "enabled"
    return _shown(ctx.update(endpoint, **changes))


def _secret(ctx: Context) -> str:
    return f"whsec_{ctx.token(32)}"


def _shown(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def _checked(url: str) -> str:
    if not _HAS_SCHEME.match(url):
        message = "Invalid URL: An explicit scheme (such as https) must be provided."
        raise Refusal(400, "url_invalid", message, param="url")
    if not _URL.fullmatch(url):
        raise Refusal(400, "url_invalid", "Invalid URL", param="url")
    return url


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that a world begins with; `secret` is made up where none is given, `connect` hears of accounts."""

    url: str
    enabled_events: list[str]
    secret: str | None = None
    description: str | None = None
    api_version: str | None = None
    connect: bool = False


@seeds("webhook_endpoints")
def endpoints(seeding: Seeding, options: list[Endpoint]) -> None:
    """They are there before all else; what is planted was told to nobody."""
    for place, endpoint in enumerate(options):
        if not _URL.fullmatch(endpoint.url):
            raise seeding.refuse(f"the url {endpoint.url!r}", "an http or https URL", "url: http://localhost:4242/hook")
        seeding.first(_planted(endpoint), place)


def _planted(endpoint: Endpoint) -> Any:
    def step(ctx: SeedContext) -> None:
        ctx.create(
            "webhook_endpoint",
            api_version=endpoint.api_version,
            application=None,
            description=endpoint.description,
            enabled_events=endpoint.enabled_events,
            metadata={},
            secret=endpoint.secret or _secret(ctx),
            status="enabled",
            livemode=False,
            url=endpoint.url,
            _connect=endpoint.connect,
        )

    return step
