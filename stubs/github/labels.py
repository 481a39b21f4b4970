"""Labels: those of a repository, and those of an issue."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import issue_shapes, issue_telling
from .activity import told
from .issue_records import find, key, relabel
from .subjects import gid, invalid, need, not_found, open_for_writing, repository

PLAIN = "ededed"  # the color of a label that was made by its name alone
FIRST = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)  # what a new repository begins with
_COLOR = re.compile(r"[0-9a-fA-F]{6}")


def begin(ctx: Context, repo: Entity) -> None:
    """The labels of a new repository. They are made when they are first asked for."""
    if ctx.find("labelled", str(repo["id"])) is not None:
        return
    ctx.create("labelled", str(repo["id"]))
    for name, color, description in FIRST:
        _make(ctx, repo, name, color, description, default=True)


def of(ctx: Context, repo: Entity) -> list[Entity]:
    """All labels of a repository, by name."""
    begin(ctx, repo)
    return sorted(ctx.list("label", repo=repo["id"]), key=lambda label: label["name"].lower())


def by_name(ctx: Context, repo: Entity, name: str) -> Entity | None:
    """A label by its name, in any case."""
    begin(ctx, repo)
    return next(iter(ctx.list("label", repo=repo["id"], key=name.lower(), limit=1)), None)


def named(ctx: Context, repo: Entity, given: Iterable[Any]) -> list[Entity]:
    """The labels that a request names, by name or as objects; those that aren't there yet are made."""
    found = []
    for one in given:
        name = one.get("name") if isinstance(one, Mapping) else one
        if not isinstance(name, str) or not name.strip():
            raise invalid("Label", "name", "missing_field")
        found.append(by_name(ctx, repo, name) or _make(ctx, repo, name, PLAIN, None))
    return found


def _make(
    ctx: Context, repo: Entity, name: str, color: str, description: str | None, *, default: bool = False
) -> Entity:
    number = gid(ctx, "label")
    return ctx.create(
        "label", str(number), gid=number, repo=repo["id"], name=name, key=name.lower(), color=color.lower(),
        description=description, default=default,
    )  # fmt: skip


@operation("GET /repos/{owner}/{repo}/labels")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The labels of a repository."""
    place = repository(ctx, owner, repo)
    return [issue_shapes.label(place, label) for label in ctx.page(of(ctx, place))]


@operation("POST /repos/{owner}/{repo}/labels")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """A new label."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    name = ctx.body["name"].strip()
    color = _checked(ctx, place, name, ctx.body.get("color") or PLAIN)
    label = _make(ctx, place, name, color, _description(ctx))
    _told(ctx, place, label, "created")
    return Response(201, issue_shapes.label(place, label))


@operation("GET /repos/{owner}/{repo}/labels/{name}")
def retrieve(ctx: Context, owner: str, repo: str, name: str) -> dict[str, Any]:
    """One label."""
    place = repository(ctx, owner, repo)
    return issue_shapes.label(place, _get(ctx, place, name))


@operation("PATCH /repos/{owner}/{repo}/labels/{name}")
def update(ctx: Context, owner: str, repo: str, name: str) -> dict[str, Any]:
    """Another name, color or description; issues keep the label."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    label, body = _get(ctx, place, name), ctx.body
    new = (body.get("new_name") or body.get("name") or label["name"]).strip()
    color = _checked(ctx, place, new, body.get("color") or label["color"], label)
    description = _description(ctx) if "description" in body else label["description"]
    changed = ctx.update(label, name=new, key=new.lower(), color=color.lower(), description=description)
    changes = {
        field: {"from": label[field] or ""}
        for field in ("name", "color", "description")
        if label[field] != changed[field]
    }
    _told(ctx, place, changed, "edited", changes=changes)
    return issue_shapes.label(place, changed)


@operation("DELETE /repos/{owner}/{repo}/labels/{name}")
def delete(ctx: Context, owner: str, repo: str, name: str) -> Response:
    """Away with it, on all issues, too."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    label = _get(ctx, place, name)
    for issue in ctx.list("issue", repo=place["id"]):
        if label["gid"] in issue["labels"]:
            ctx.update(issue, labels=[number for number in issue["labels"] if number != label["gid"]])
    _told(ctx, place, label, "deleted")
    ctx.delete(label)
    return Response(204)


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/labels")
def of_issue(ctx: Context, owner: str, repo: str, issue_number: str) -> Any:
    """An issue's labels."""
    place = repository(ctx, owner, repo)
    return ctx.page(issue_shapes.labels(ctx, place, find(ctx, place, issue_number)))


@operation("POST /repos/{owner}/{repo}/issues/{issue_number}/labels")
def add(ctx: Context, owner: str, repo: str, issue_number: str) -> list[dict[str, Any]]:
    """More labels for an issue."""
    return _set(ctx, repository(ctx, owner, repo), issue_number, keep=True)


@operation("PUT /repos/{owner}/{repo}/issues/{issue_number}/labels")
def replace(ctx: Context, owner: str, repo: str, issue_number: str) -> list[dict[str, Any]]:
    """These labels instead of all others."""
    return _set(ctx, repository(ctx, owner, repo), issue_number, keep=False)


@operation("DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels")
def clear(ctx: Context, owner: str, repo: str, issue_number: str) -> Response:
    """No labels any more."""
    _set(ctx, repository(ctx, owner, repo), issue_number, keep=False)
    return Response(204)


@operation("DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}")
def remove(ctx: Context, owner: str, repo: str, issue_number: str, name: str) -> list[dict[str, Any]]:
    """One label less."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue = find(ctx, place, issue_number)
    need(ctx, place)
    label = by_name(ctx, place, name)
    if label is None or label["gid"] not in issue["labels"]:
        raise not_found("Label does not exist")
    kept = [one for number in issue["labels"] if number != label["gid"] and (one := ctx.find("label", str(number)))]
    issue, came, went = relabel(ctx, issue, kept)
    issue_telling.labels(ctx, place, issue, came, went)
    return issue_shapes.labels(ctx, place, issue)


@operation("GET /repos/{owner}/{repo}/milestones/{milestone_number}/labels")
def of_milestone(ctx: Context, owner: str, repo: str, milestone_number: str) -> Any:
    """The labels of all issues in a milestone."""
    place = repository(ctx, owner, repo)
    found = ctx.find("milestone", key(place, milestone_number))
    if found is None:
        raise not_found()
    issues = ctx.list("issue", repo=place["id"], milestone=found["number"])
    used = {number for issue in issues for number in issue["labels"]}
    return ctx.page([issue_shapes.label(place, label) for label in of(ctx, place) if label["gid"] in used])


def _set(ctx: Context, repo: Entity, number: str, *, keep: bool) -> list[dict[str, Any]]:
    open_for_writing(ctx, repo)
    issue = find(ctx, repo, number)
    need(ctx, repo)
    given: Any = ctx.body.get("labels", []) if isinstance(ctx.body, Mapping) else ctx.body
    kept = [one for id_ in issue["labels"] if (one := ctx.find("label", str(id_)))] if keep else []
    issue, came, went = relabel(ctx, issue, kept + named(ctx, repo, given or []))
    issue_telling.labels(ctx, repo, issue, came, went)
    return issue_shapes.labels(ctx, repo, issue)


def _get(ctx: Context, repo: Entity, name: str) -> Entity:
    label = by_name(ctx, repo, name)
    if label is None:
        raise not_found()
    return label


def _checked(ctx: Context, repo: Entity, name: str, color: str, label: Entity | None = None) -> str:
    """A color that can be one, of a label whose name is free."""
    if not name:
        raise invalid("Label", "name", "missing_field")
    if not _COLOR.fullmatch(color):
        raise invalid("Label", "color", "invalid")
    other = by_name(ctx, repo, name)
    if other is not None and (label is None or other.id != label.id):
        raise invalid("Label", "name", "already_exists")
    return color


def _description(ctx: Context) -> str | None:
    text = ctx.body.get("description")
    if text is not None and len(text) > 100:
        raise invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)")
    return text


def _told(ctx: Context, repo: Entity, label: Entity, action: str, **more: Any) -> None:
    told(
        ctx, repo, "label", action, {"name": label["name"]}, lambda: {"label": issue_shapes.label(repo, label), **more}
    )
