"""Reactions: on issues, comments, review comments and releases."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .issue_comments import comment_of
from .issue_records import find
from .pull_comments import comment_of as review_comment_of
from .releases import release_of
from .subjects import gid, may, me, node_id, not_found, repository, user


def _react(ctx: Context, about: Entity) -> Response:
    """React once: the same again is the same reaction (200)."""
    content, place = ctx.body["content"], _place(about)
    mine = ctx.list("reaction", on=place, user=me(ctx), content=content, limit=1)
    if mine:
        return Response(200, _shown(ctx, mine[0]))
    number = gid(ctx, "reaction")
    made = ctx.create("reaction", str(number), on=place, user=me(ctx), content=content, created_at=ctx.now())
    _count(ctx, about, content, 1)
    return Response(201, _shown(ctx, made))


def _list(ctx: Context, about: Entity) -> list[dict[str, Any]]:
    found = ctx.list("reaction", newest_first=False, on=_place(about))
    content = ctx.query.get("content")
    return [_shown(ctx, one) for one in ctx.page([one for one in found if content in {None, one["content"]}])]


def _take(ctx: Context, repo: Entity, about: Entity, reaction_id: str) -> Response:
    """Take a reaction back: one's own, or anybody's for those who may push."""
    found = ctx.find("reaction", reaction_id)
    if found is None or found["on"] != _place(about) or (found["user"] != me(ctx) and not may(ctx, repo)):
        raise not_found()
    ctx.delete(found)
    _count(ctx, about, found["content"], -1)
    return Response(204)


def _count(ctx: Context, about: Entity, content: str, by: int) -> None:
    counts = {**about["reactions"], content: about["reactions"].get(content, 0) + by}
    ctx.update(about, reactions={name: count for name, count in counts.items() if count})


def _place(about: Entity) -> str:
    return f"{about.resource}:{about.id}"


def _shown(ctx: Context, found: Entity) -> dict[str, Any]:
    number = int(found["id"])
    return {
        "id": number,
        "node_id": node_id("REA", number),
        "user": user(ctx, found["user"]),
        "content": found["content"],
        "created_at": found["created_at"],
    }


@operation("POST /repos/{owner}/{repo}/issues/{issue_number}/reactions")
def to_issue(ctx: Context, owner: str, repo: str, issue_number: str) -> Response:
    """React to an issue or a pull request."""
    place = repository(ctx, owner, repo)
    return _react(ctx, find(ctx, place, issue_number))


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/reactions")
def of_issue(ctx: Context, owner: str, repo: str, issue_number: str) -> list[dict[str, Any]]:
    """An issue's reactions."""
    return _list(ctx, find(ctx, repository(ctx, owner, repo), issue_number))


@operation("DELETE /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}")
def from_issue(ctx: Context, owner: str, repo: str, issue_number: str, reaction_id: str) -> Response:
    """Take back a reaction to an issue."""
    place = repository(ctx, owner, repo)
    return _take(ctx, place, find(ctx, place, issue_number), reaction_id)


@operation("POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions")
def to_comment(ctx: Context, owner: str, repo: str, comment_id: str) -> Response:
    """React to a comment."""
    place = repository(ctx, owner, repo)
    return _react(ctx, comment_of(ctx, place, comment_id))


@operation("GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions")
def of_comment(ctx: Context, owner: str, repo: str, comment_id: str) -> list[dict[str, Any]]:
    """A comment's reactions."""
    return _list(ctx, comment_of(ctx, repository(ctx, owner, repo), comment_id))


@operation("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}")
def from_comment(ctx: Context, owner: str, repo: str, comment_id: str, reaction_id: str) -> Response:
    """Take back a reaction to a comment."""
    place = repository(ctx, owner, repo)
    return _take(ctx, place, comment_of(ctx, place, comment_id), reaction_id)


@operation("POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions")
def to_review_comment(ctx: Context, owner: str, repo: str, comment_id: str) -> Response:
    """React to a comment on code."""
    place = repository(ctx, owner, repo)
    return _react(ctx, review_comment_of(ctx, place, comment_id))


@operation("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions")
def of_review_comment(ctx: Context, owner: str, repo: str, comment_id: str) -> list[dict[str, Any]]:
    """The reactions to a comment on code."""
    return _list(ctx, review_comment_of(ctx, repository(ctx, owner, repo), comment_id))


@operation("DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}")
def from_review_comment(ctx: Context, owner: str, repo: str, comment_id: str, reaction_id: str) -> Response:
    """Take back a reaction to a comment on code."""
    place = repository(ctx, owner, repo)
    return _take(ctx, place, review_comment_of(ctx, place, comment_id), reaction_id)


@operation("POST /repos/{owner}/{repo}/releases/{release_id}/reactions")
def to_release(ctx: Context, owner: str, repo: str, release_id: str) -> Response:
    """React to a release."""
    place = repository(ctx, owner, repo)
    return _react(ctx, release_of(ctx, place, release_id))


@operation("GET /repos/{owner}/{repo}/releases/{release_id}/reactions")
def of_release(ctx: Context, owner: str, repo: str, release_id: str) -> list[dict[str, Any]]:
    """A release's reactions."""
    return _list(ctx, release_of(ctx, repository(ctx, owner, repo), release_id))


@operation("DELETE /repos/{owner}/{repo}/releases/{release_id}/reactions/{reaction_id}")
def from_release(ctx: Context, owner: str, repo: str, release_id: str, reaction_id: str) -> Response:
    """Take back a reaction to a release."""
    place = repository(ctx, owner, repo)
    return _take(ctx, place, release_of(ctx, place, release_id), reaction_id)
