"""Milestones: what issues are planned for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import issue_shapes
from .activity import told
from .issue_records import key
from .subjects import gid, invalid, me, need, not_found, open_for_writing, repository


@operation("GET /repos/{owner}/{repo}/milestones")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """Milestones: the open ones, the next due first, where the query says nothing."""
    place = repository(ctx, owner, repo)
    state = ctx.query.get("state") or "open"
    found = [one for one in ctx.list("milestone", repo=place["id"]) if state in {"all", one["state"]}]
    down = ctx.query.get("direction") == "desc"
    if ctx.query.get("sort") == "completeness":
        shown = [issue_shapes.milestone(ctx, place, one) for one in found]
        shown.sort(key=lambda one: (_done(one), one["number"]), reverse=down)
        return list(ctx.page(shown))
    late = "" if down else "9999"
    found.sort(key=lambda one: (one["due_on"] or late, one["number"]), reverse=down)
    return [issue_shapes.milestone(ctx, place, one) for one in ctx.page(found)]


def _done(shown: Mapping[str, Any]) -> float:
    total = shown["open_issues"] + shown["closed_issues"]
    return float(shown["closed_issues"] / total) if total else 0.0


@operation("POST /repos/{owner}/{repo}/milestones")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """A new milestone, numbered within its repository."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place)
    body = ctx.body
    title = _title(ctx, place, body["title"])
    taken = ctx.list("milestone", repo=place["id"])
    number = max((one["number"] for one in taken), default=0)
    counted = ctx.find("numbering", f"{place['id']}-milestones")
    number = max(number, counted["last"] if counted else 0) + 1
    if counted is None:
        ctx.create("numbering", f"{place['id']}-milestones", last=number)
    else:
        ctx.update(counted, last=number)
    state = body.get("state") or "open"
    made = ctx.create(
        "milestone", key(place, number), gid=gid(ctx, "milestone"), repo=place["id"], number=number, title=title,
        description=body.get("description"), state=state, creator=me(ctx), due_on=_due(body.get("due_on")),
        created_at=ctx.now(), updated_at=ctx.now(), closed_at=ctx.now() if state == "closed" else None,
        open=0, closed=0,
    )  # fmt: skip
    _told(ctx, place, made, "created")
    return Response(201, issue_shapes.milestone(ctx, place, made))


@operation("GET /repos/{owner}/{repo}/milestones/{milestone_number}")
def retrieve(ctx: Context, owner: str, repo: str, milestone_number: str) -> dict[str, Any]:
    """One milestone."""
    place = repository(ctx, owner, repo)
    return issue_shapes.milestone(ctx, place, _get(ctx, place, milestone_number))


@operation("PATCH /repos/{owner}/{repo}/milestones/{milestone_number}")
def update(ctx: Context, owner: str, repo: str, milestone_number: str) -> dict[str, Any]:
    """Reword, date, close or reopen it."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place)
    found, body = _get(ctx, place, milestone_number), ctx.body
    fields: dict[str, Any] = {name: body[name] for name in ("description",) if name in body}
    if "title" in body:
        fields["title"] = _title(ctx, place, body["title"], found)
    if "due_on" in body:
        fields["due_on"] = _due(body["due_on"])
    state = body.get("state") or found["state"]
    if state != found["state"]:
        fields |= {"state": state, "closed_at": ctx.now() if state == "closed" else None}
    changed = ctx.update(found, **fields, updated_at=ctx.now())
    action = "edited" if state == found["state"] else {"closed": "closed", "open": "opened"}[state]
    _told(ctx, place, changed, action)
    return issue_shapes.milestone(ctx, place, changed)


@operation("DELETE /repos/{owner}/{repo}/milestones/{milestone_number}")
def delete(ctx: Context, owner: str, repo: str, milestone_number: str) -> Response:
    """Away with it; its issues are in none then."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place)
    found = _get(ctx, place, milestone_number)
    _told(ctx, place, found, "deleted")
    for issue in ctx.list("issue", repo=place["id"], milestone=found["number"]):
        ctx.update(issue, milestone=None)
    ctx.delete(found)
    return Response(204)


def _get(ctx: Context, repo: Entity, number: str) -> Entity:
    found = ctx.find("milestone", key(repo, number))
    if found is None:
        raise not_found()
    return found


def _title(ctx: Context, repo: Entity, title: str, found: Entity | None = None) -> str:
    if not title.strip():
        raise invalid("Milestone", "title", "missing_field")
    other = next(iter(ctx.list("milestone", repo=repo["id"], title=title, limit=1)), None)
    if other is not None and (found is None or other.id != found.id):
        raise invalid("Milestone", "title", "already_exists")
    return title


def _due(given: str | None) -> str | None:
    """A due date, as GitHub writes moments. 422 for what is none."""
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise invalid("Milestone", "due_on", "invalid") from None
    return f"{moment:%Y-%m-%d}T{moment:%H:%M:%S}Z"


def _told(ctx: Context, repo: Entity, found: Entity, action: str) -> None:
    subject = {"number": found["number"], "title": found["title"]}
    told(ctx, repo, "milestone", action, subject, lambda: {"milestone": issue_shapes.milestone(ctx, repo, found)})
