"""Comments on issues and pull requests."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import issue_shapes, issue_telling
from .issue_records import change, find
from .subjects import gid, invalid, may, me, need_author, not_found, open_for_writing, repository

LONGEST = 262_144  # bytes; GitHub speaks of 65,536 characters, and takes that many of any alphabet


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/comments")
def of_issue(ctx: Context, owner: str, repo: str, issue_number: str) -> list[dict[str, Any]]:
    """An issue's comments, the oldest first."""
    place = repository(ctx, owner, repo)
    issue = find(ctx, place, issue_number)
    found = ctx.list("comment", newest_first=False, repo=place["id"], number=issue["number"])
    return _shown(ctx, place, _since(ctx, found))


@operation("GET /repos/{owner}/{repo}/issues/comments")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The comments of a repository, by id or as the query sorts."""
    place = repository(ctx, owner, repo)
    found = _since(ctx, ctx.list("comment", newest_first=False, repo=place["id"]))
    sort = ctx.query.get("sort")
    if sort is not None:
        path = "updated_at" if sort == "updated" else "created_at"
        found.sort(key=lambda one: (one[path], int(one["id"])), reverse=ctx.query.get("direction", "desc") != "asc")
    return _shown(ctx, place, found)


@operation("POST /repos/{owner}/{repo}/issues/{issue_number}/comments")
def create(ctx: Context, owner: str, repo: str, issue_number: str) -> Response:
    """Say something. Nobody but those who may push can, where the conversation is locked."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue = find(ctx, place, issue_number)
    if issue["locked"] and not may(ctx, place):
        raise Refusal(403, None, "Unable to create comment because issue is locked.")
    text = _text(ctx)
    number = gid(ctx, "comment")
    made = ctx.create(
        "comment", str(number), repo=place["id"], number=issue["number"], user=me(ctx), body=text, reactions={},
        created_at=ctx.now(), updated_at=ctx.now(),
    )  # fmt: skip
    issue = change(ctx, issue, comments=issue["comments"] + 1)
    issue_telling.comment(ctx, place, issue, made, "created")
    return Response(201, issue_shapes.comment(ctx, place, made))


@operation("GET /repos/{owner}/{repo}/issues/comments/{comment_id}")
def retrieve(ctx: Context, owner: str, repo: str, comment_id: str) -> dict[str, Any]:
    """One comment."""
    place = repository(ctx, owner, repo)
    return issue_shapes.comment(ctx, place, comment_of(ctx, place, comment_id))


@operation("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}")
def update(ctx: Context, owner: str, repo: str, comment_id: str) -> dict[str, Any]:
    """Say it otherwise."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    found = comment_of(ctx, place, comment_id)
    need_author(ctx, place, found["user"])
    before, text = found["body"], _text(ctx)
    found = ctx.update(found, body=text, updated_at=ctx.now())
    issue = find(ctx, place, found["number"])
    issue_telling.comment(ctx, place, issue, found, "edited", changes={"body": {"from": before}})
    return issue_shapes.comment(ctx, place, found)


@operation("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}")
def delete(ctx: Context, owner: str, repo: str, comment_id: str) -> Response:
    """Take it back."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    found = comment_of(ctx, place, comment_id)
    need_author(ctx, place, found["user"])
    issue = find(ctx, place, found["number"])
    issue = change(ctx, issue, comments=max(issue["comments"] - 1, 0))
    issue_telling.comment(ctx, place, issue, found, "deleted")
    ctx.delete(found)
    return Response(204)


def comment_of(ctx: Context, repo: Entity, comment_id: str) -> Entity:
    """A comment of this repository; else 404."""
    found = ctx.find("comment", comment_id)
    if found is None or found["repo"] != repo["id"]:
        raise not_found()
    return found


def _text(ctx: Context) -> str:
    text = str(ctx.body["body"])
    if not text.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(text.encode()) > LONGEST:
        raise invalid("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
    return text


def _since(ctx: Context, found: list[Entity]) -> list[Entity]:
    since = ctx.query.get("since")
    return [one for one in found if not since or one["updated_at"] >= since]


def _shown(ctx: Context, repo: Entity, found: list[Entity]) -> list[dict[str, Any]]:
    return [issue_shapes.comment(ctx, repo, one) for one in ctx.page(found)]
