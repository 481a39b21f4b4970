"""Comments on code: on a line or a file of a pull request's changes, and replies to them."""

import re
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import pull_git, pull_shapes
from .activity import told
from .issue_records import change
from .pull_records import find_pull
from .subjects import gid, invalid, me, need_author, not_found, open_for_writing, repository

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_KIND = "PullRequestReviewComment"


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/comments")
def of_pull(ctx: Context, owner: str, repo: str, pull_number: str) -> list[dict[str, Any]]:
    """The comments on one pull request's code."""
    place = repository(ctx, owner, repo)
    issue, _ = find_pull(ctx, place, pull_number)
    return _listed(ctx, place, number=issue["number"])


@operation("GET /repos/{owner}/{repo}/pulls/comments")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The comments on code of all pull requests."""
    return _listed(ctx, repository(ctx, owner, repo))


def _listed(ctx: Context, repo: Entity, **where: Any) -> list[dict[str, Any]]:
    query = ctx.query
    since, path = query.get("since"), "updated_at" if query.get("sort") == "updated" else "created_at"
    found = [
        one for one in ctx.list("review_comment", repo=repo["id"], **where) if not since or one["updated_at"] >= since
    ]
    down = query.get("direction") == "desc" and "sort" in query
    found.sort(key=lambda one: (one[path], int(one["id"])), reverse=down)
    return [pull_shapes.comment(ctx, repo, one) for one in ctx.page(found)]


@operation("POST /repos/{owner}/{repo}/pulls/{pull_number}/comments")
def create(ctx: Context, owner: str, repo: str, pull_number: str) -> Response:
    """Comment on a line, a range of lines or a file; or reply."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, pull = find_pull(ctx, place, pull_number)
    body = ctx.body
    if body.get("in_reply_to") is not None:
        made = _reply(ctx, place, issue, str(body["in_reply_to"]), body["body"])
    else:
        fields = checked(ctx, place, pull, body)
        made = keep(ctx, place, issue, fields, review=_review(ctx, place, issue, pull), tell=True)
    return Response(201, pull_shapes.comment(ctx, place, made))


@operation("POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies")
def reply(ctx: Context, owner: str, repo: str, pull_number: str, comment_id: str) -> Response:
    """Answer a comment."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, _ = find_pull(ctx, place, pull_number)
    return Response(201, pull_shapes.comment(ctx, place, _reply(ctx, place, issue, comment_id, ctx.body["body"])))


@operation("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}")
def retrieve(ctx: Context, owner: str, repo: str, comment_id: str) -> dict[str, Any]:
    """One comment on code."""
    place = repository(ctx, owner, repo)
    return pull_shapes.comment(ctx, place, comment_of(ctx, place, comment_id))


@operation("PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}")
def update(ctx: Context, owner: str, repo: str, comment_id: str) -> dict[str, Any]:
    """Say it otherwise."""
    place = repository(ctx, owner, repo)
    found = comment_of(ctx, place, comment_id)
    need_author(ctx, place, found["user"])
    before = found["body"]
    found = ctx.update(found, body=_text(ctx.body["body"]), updated_at=ctx.now())
    _told(ctx, place, found, "edited", changes={"body": {"from": before}})
    return pull_shapes.comment(ctx, place, found)


@operation("DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}")
def delete(ctx: Context, owner: str, repo: str, comment_id: str) -> Response:
    """Take it back."""
    place = repository(ctx, owner, repo)
    found = comment_of(ctx, place, comment_id)
    need_author(ctx, place, found["user"])
    _count(ctx, place, found["number"], -1)
    _told(ctx, place, found, "deleted")
    ctx.delete(found)
    return Response(204)


def comment_of(ctx: Context, repo: Entity, comment_id: str) -> Entity:
    """A comment on this repository's code; else 404."""
    found = ctx.find("review_comment", comment_id)
    if found is None or found["repo"] != repo["id"]:
        raise not_found()
    return found


def checked(ctx: Context, repo: Entity, pull: Entity, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a comment on a line that is in the pull request's changes. 422 for any other."""
    commit = given.get("commit_id") or pull["head_sha"]
    known = {found.sha for found in pull_git.commits(ctx, repo, pull["base_sha"], pull["head_sha"])}
    if commit not in known:
        raise invalid(_KIND, "commit_id", "custom", "commit_id is not part of the pull request")
    entry = next((one for one in pull_git.files(ctx, repo, pull) if one["filename"] == given["path"]), None)
    if entry is None:
        raise invalid(_KIND, "pull_request_review_thread.path", "invalid")
    side, line, position = given.get("side") or "RIGHT", given.get("line"), given.get("position")
    if given.get("subject_type") == "file":
        line = position = None
        hunk = entry.get("patch", "")
    else:
        rows = _rows(entry.get("patch") or "")
        if line is None and position is None:
            raise invalid(_KIND, "pull_request_review_thread.line", "missing_field")
        found = next(
            (row for row in rows if (row[1] == position if line is None else row[2 if side == "LEFT" else 3] == line)),
            None,
        )
        if found is None:
            field = "position" if line is None else "line"
            raise invalid(_KIND, f"pull_request_review_thread.{field}", "custom", f"{field} must be part of the diff")
        hunk, position, old, new = found
        side = "LEFT" if new is None else side
        line = line or (old if side == "LEFT" else new)
    ranged = given.get("start_line")
    return {
        "path": given["path"], "commit_id": commit, "original_commit_id": commit, "body": _text(given["body"]), "line": line,
        "side": side, "position": position, "diff_hunk": hunk, "start_line": ranged,
        "start_side": (given.get("start_side") or side) if ranged is not None else None,
        "subject_type": given.get("subject_type") or "line", "in_reply_to": None,
    }  # fmt: skip


def keep(ctx: Context, repo: Entity, issue: Entity, fields: Mapping[str, Any], *, review: int, tell: bool) -> Entity:
    """Store a comment of a review."""
    number = gid(ctx, "review_comment")
    made = ctx.create(
        "review_comment", str(number), repo=repo["id"], number=issue["number"], user=me(ctx), review=review, reactions={},
        created_at=ctx.now(), updated_at=ctx.now(), **fields,
    )  # fmt: skip
    _count(ctx, repo, issue["number"], 1)
    change(ctx, issue)
    if tell:
        _told(ctx, repo, made, "created")
    return made


def _review(ctx: Context, repo: Entity, issue: Entity, pull: Entity) -> int:
    """The review that a single comment makes."""
    number = gid(ctx, "review")
    ctx.create(
        "review", str(number), repo=repo["id"], number=issue["number"], user=me(ctx), body="", state="COMMENTED",
        commit_id=pull["head_sha"], submitted_at=ctx.now(),
    )  # fmt: skip
    return number


def _reply(ctx: Context, repo: Entity, issue: Entity, comment_id: str, text: str) -> Entity:
    first = comment_of(ctx, repo, comment_id)
    if first["number"] != issue["number"]:
        raise not_found()
    names = (
        "path",
        "commit_id",
        "original_commit_id",
        "line",
        "side",
        "position",
        "diff_hunk",
        "start_line",
        "start_side",
        "subject_type",
    )
    fields = {name: first[name] for name in names}
    place = first["in_reply_to"] or int(first["id"])
    pull = ctx.get("pull", issue.id)
    review = _review(ctx, repo, issue, pull)
    return keep(ctx, repo, issue, {**fields, "body": _text(text), "in_reply_to": place}, review=review, tell=True)


def _rows(patch: str) -> list[tuple[str, int, int | None, int | None]]:
    """Each line of a patch: the hunk up to it, its position, its number before and after."""
    rows: list[tuple[str, int, int | None, int | None]] = []
    old = new = 0
    hunk: list[str] = []
    for position, text in enumerate(patch.split("\n")):
        head = _HUNK.match(text)
        if head is not None:
            old, new, hunk = int(head[1]), int(head[2]), [text]
            continue
        hunk.append(text)
        mark = text[:1]
        rows.append(("\n".join(hunk), position, old if mark in "- " else None, new if mark in "+ " else None))
        old, new = old + (mark in "- "), new + (mark in "+ ")
    return rows


def _text(text: str) -> str:
    if not text.strip():
        raise invalid(_KIND, "body", "missing_field")
    return text


def _count(ctx: Context, repo: Entity, number: int, by: int) -> None:
    pull = ctx.get("pull", f"{repo['id']}-{number}")
    ctx.update(pull, review_comments=max(pull["review_comments"] + by, 0))


def _told(ctx: Context, repo: Entity, comment: Entity, action: str, **more: Any) -> None:
    def payload() -> dict[str, Any]:
        issue = ctx.get("issue", f"{repo['id']}-{comment['number']}")
        shown = pull_shapes.comment(ctx, repo, comment)
        return {"comment": shown, "pull_request": pull_shapes.simple(ctx, repo, issue), **more}

    subject = {"number": comment["number"], "path": comment["path"], "user": comment["user"]}
    listed_as = {"number": comment["number"], "review_comment": comment["id"]}
    told(ctx, repo, "pull_request_review_comment", action, subject, payload, listed=listed_as)
