"""What was sent to a hook: each delivery with its request, what came of it, and once more."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from childproof.stubkit import Context, Delivery, Entity, Response, operation

from .hook_records import hook_of, of_organization, of_repository
from .org_hooks import owned
from .subjects import not_found, repository

_SECRET = ("X-Hub-Signature", "X-Hub-Signature-256")


@operation("GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries")
def listed(ctx: Context, owner: str, repo: str, hook_id: str) -> list[dict[str, Any]]:
    """What a repository's hook was sent, the newest first."""
    return _listed(ctx, _of_repository(ctx, owner, repo, hook_id))


@operation("GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}")
def retrieve(ctx: Context, owner: str, repo: str, hook_id: str, delivery_id: str) -> dict[str, Any]:
    """One delivery with its request."""
    return _whole(ctx, _of_repository(ctx, owner, repo, hook_id), delivery_id)


@operation("POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts")
def again(ctx: Context, owner: str, repo: str, hook_id: str, delivery_id: str) -> Response:
    """Send it once more."""
    return _again(ctx, _of_repository(ctx, owner, repo, hook_id), delivery_id)


@operation("GET /orgs/{org}/hooks/{hook_id}/deliveries")
def listed_of_org(ctx: Context, org: str, hook_id: str) -> list[dict[str, Any]]:
    """What an organization's hook was sent, the newest first."""
    return _listed(ctx, _of_organization(ctx, org, hook_id))


@operation("GET /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}")
def retrieve_of_org(ctx: Context, org: str, hook_id: str, delivery_id: str) -> dict[str, Any]:
    """One delivery with its request."""
    return _whole(ctx, _of_organization(ctx, org, hook_id), delivery_id)


@operation("POST /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts")
def again_for_org(ctx: Context, org: str, hook_id: str, delivery_id: str) -> Response:
    """Send it once more."""
    return _again(ctx, _of_organization(ctx, org, hook_id), delivery_id)


def _of_repository(ctx: Context, owner: str, repo: str, hook_id: str) -> Entity:
    return hook_of(ctx, of_repository(repository(ctx, owner, repo, needs="admin")), hook_id)


def _of_organization(ctx: Context, org: str, hook_id: str) -> Entity:
    return hook_of(ctx, of_organization(owned(ctx, org)), hook_id)


def _listed(ctx: Context, hook: Entity) -> list[dict[str, Any]]:
    wanted = ctx.query.get("status")
    sent = [one for one in ctx.deliveries(hook) if one.last is not None]
    fitting = [one for one in sent if wanted is None or (wanted == "success") is (one.state == "delivered")]
    return [_item(hook, one) for one in ctx.page(fitting)]


def _whole(ctx: Context, hook: Entity, delivery_id: str) -> dict[str, Any]:
    found = _get(ctx, hook, delivery_id)
    headers = {"Content-Type": found.media, **found.headers}
    return {
        **_item(hook, found),
        "url": found.url,
        "request": {
            "headers": {name: text for name, text in headers.items() if name not in _SECRET},
            "payload": _payload(found),
        },
        "response": {"headers": {}, "payload": None},
    }


def _again(ctx: Context, hook: Entity, delivery_id: str) -> Response:
    ctx.redeliver(_get(ctx, hook, delivery_id))
    return Response(202, {})


def _get(ctx: Context, hook: Entity, delivery_id: str) -> Delivery:
    found = next((one for one in ctx.deliveries(hook) if str(_number(one)) == delivery_id), None)
    if found is None or found.last is None:
        raise not_found()
    return found


def _item(hook: Entity, found: Delivery) -> dict[str, Any]:
    last = found.last or {}
    status = last.get("status")
    fine = found.state == "delivered"
    event, _, _ = found.type.partition(".")
    moment = datetime.fromtimestamp((last.get("at") or found.at) / 1000, UTC)
    return {
        "id": _number(found),
        "guid": found.headers.get("X-GitHub-Delivery", ""),
        "delivered_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "redelivery": found.attempts > 1,
        "duration": 0.0,
        "status": "OK" if fine else f"Invalid HTTP Response: {status}" if status else "failed to connect to host",
        "status_code": status or 502,
        "event": event,
        "action": _payload(found).get("action"),
        "installation_id": None,
        "repository_id": hook["repo"],
    }


def _payload(found: Delivery) -> dict[str, Any]:
    body = found.body if found.media == "application/json" else parse_qs(found.body)["payload"][0]
    made: dict[str, Any] = json.loads(body)
    return made


def _number(found: Delivery) -> int:
    return int(found.id.rpartition("_")[2])
