"""Reactions: on issues, comments, review comments and releases."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .issue_comments import comment_of
from .issue_records import find
from .pull_comments import comment_of as review_comment_of
from .releases import release_of
from .subjects import gid, may, me, node_id, not_found, repository, user

_FINDS = {  # by what the path says after the repository
    "issues/{issue_number}": find,
    "issues/comments": comment_of,
    "pulls/comments": review_comment_of,
    "releases/{release_id}": release_of,
}


def _about(ctx: Context, repo: Entity, number: str) -> Entity:
    """What the reaction is to, which the operation's path tells."""
    return _FINDS["/".join(ctx.operation.split("/")[4:6])](ctx, repo, number)


@operation("POST /repos/{owner}/{repo}/issues/{issue_number}/reactions")
@operation("POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions")
@operation("POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions")
@operation("POST /repos/{owner}/{repo}/releases/{release_id}/reactions")
def react(
    ctx: Context, owner: str, repo: str, *, issue_number: str = "", comment_id: str = "", release_id: str = ""
) -> Response:
    """React once: the same again is the same reaction (200)."""
    about = _about(ctx, repository(ctx, owner, repo), issue_number or comment_id or release_id)
    content, place = ctx.body["content"], _place(about)
    mine = ctx.list("reaction", on=place, user=me(ctx), content=content, limit=1)
    if mine:
        return Response(200, _shown(ctx, mine[0]))
    number = gid(ctx, "reaction")
    made = ctx.create("reaction", str(number), on=place, user=me(ctx), content=content, created_at=ctx.now())
    _count(ctx, about, content, 1)
    return Response(201, _shown(ctx, made))


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/reactions")
@operation("GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions")
@operation("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions")
@operation("GET /repos/{owner}/{repo}/releases/{release_id}/reactions")
def reactions(
    ctx: Context, owner: str, repo: str, *, issue_number: str = "", comment_id: str = "", release_id: str = ""
) -> list[dict[str, Any]]:
    """The reactions to something."""
    about = _about(ctx, repository(ctx, owner, repo), issue_number or comment_id or release_id)
    found = ctx.list("reaction", newest_first=False, on=_place(about))
    content = ctx.query.get("content")
    return [_shown(ctx, one) for one in ctx.page([one for one in found if content in {None, one["content"]}])]


@operation("DELETE /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}")
@operation("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}")
@operation("DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}")
@operation("DELETE /repos/{owner}/{repo}/releases/{release_id}/reactions/{reaction_id}")
def take_back(
    ctx: Context,
    owner: str,
    repo: str,
    reaction_id: str,
    *,
    issue_number: str = "",
    comment_id: str = "",
    release_id: str = "",
) -> Response:
    """Take a reaction back: one's own, or anybody's for those who may push."""
    place = repository(ctx, owner, repo)
    about = _about(ctx, place, issue_number or comment_id or release_id)
    found = ctx.find("reaction", reaction_id)
    if found is None or found["on"] != _place(about) or (found["user"] != me(ctx) and not may(ctx, place)):
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
