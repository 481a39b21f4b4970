"""Reviews of pull requests: begun, submitted, dismissed."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import pull_shapes
from .activity import told
from .issue_records import change, note
from .pull_comments import checked, keep
from .pull_records import find_pull
from .subjects import gid, me, need, not_found, open_for_writing, repository

STATES: Mapping[str, str] = {"COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}
_OWN = {
    "APPROVE": "Can not approve your own pull request",
    "REQUEST_CHANGES": "Can not request changes on your own pull request",
}


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews")
def listed(ctx: Context, owner: str, repo: str, pull_number: str) -> list[dict[str, Any]]:
    """Reviews, the oldest first; one that isn't submitted only to whoever writes it."""
    place = repository(ctx, owner, repo)
    issue, _ = find_pull(ctx, place, pull_number)
    found = ctx.list("review", newest_first=False, repo=place["id"], number=issue["number"])
    return [pull_shapes.review(ctx, place, one) for one in ctx.page([one for one in found if _seen(ctx, one)])]


@operation("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews")
def create(ctx: Context, owner: str, repo: str, pull_number: str) -> dict[str, Any]:
    """Review it. Without an event it waits until it is submitted."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, pull = find_pull(ctx, place, pull_number)
    body, event = ctx.body, ctx.body.get("event")
    mine = ctx.list("review", repo=place["id"], number=issue["number"], user=me(ctx), state="PENDING", limit=1)
    if mine:
        raise _refused("User can only have one pending review per pull request")
    given = body.get("comments") or []
    if event:
        _may(ctx, issue, event, body.get("body") or ("" if not given else " "))
    comments = [checked(ctx, place, pull, one) for one in given]
    number = gid(ctx, "review")
    review = ctx.create(
        "review", str(number), repo=place["id"], number=issue["number"], user=me(ctx), body=body.get("body") or "",
        state="PENDING", commit_id=body.get("commit_id") or pull["head_sha"], submitted_at=None,
    )  # fmt: skip
    for comment in comments:
        keep(ctx, place, issue, comment, review=number, tell=False)
    if event:
        review = _submitted(ctx, place, issue, pull, review, event)
    return pull_shapes.review(ctx, place, review)


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}")
def retrieve(ctx: Context, owner: str, repo: str, pull_number: str, review_id: str) -> dict[str, Any]:
    """One review."""
    place = repository(ctx, owner, repo)
    return pull_shapes.review(ctx, place, _get(ctx, place, pull_number, review_id))


@operation("PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}")
def update(ctx: Context, owner: str, repo: str, pull_number: str, review_id: str) -> dict[str, Any]:
    """Say its summary otherwise."""
    place = repository(ctx, owner, repo)
    review = _get(ctx, place, pull_number, review_id)
    if review["user"] != me(ctx):
        raise Refusal(403, None, "Must have admin rights to Repository.")
    return pull_shapes.review(ctx, place, ctx.update(review, body=ctx.body["body"]))


@operation("DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}")
def delete(ctx: Context, owner: str, repo: str, pull_number: str, review_id: str) -> dict[str, Any]:
    """Throw away one that wasn't submitted."""
    place = repository(ctx, owner, repo)
    review = _get(ctx, place, pull_number, review_id)
    if review["state"] != "PENDING":
        raise _refused("Can not delete a non-pending pull request review")
    shown = pull_shapes.review(ctx, place, review)
    for comment in ctx.list("review_comment", repo=place["id"], review=int(review["id"])):
        ctx.delete(comment)
    ctx.delete(review)
    return shown


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments")
def comments_of(ctx: Context, owner: str, repo: str, pull_number: str, review_id: str) -> list[dict[str, Any]]:
    """The comments of one review."""
    place = repository(ctx, owner, repo)
    review = _get(ctx, place, pull_number, review_id)
    found = ctx.list("review_comment", newest_first=False, repo=place["id"], review=int(review["id"]))
    return [pull_shapes.comment(ctx, place, one) for one in ctx.page(found)]


@operation("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events")
def submit(ctx: Context, owner: str, repo: str, pull_number: str, review_id: str) -> dict[str, Any]:
    """Submit one that waits."""
    place = repository(ctx, owner, repo)
    review = _get(ctx, place, pull_number, review_id)
    issue, pull = find_pull(ctx, place, pull_number)
    if review["state"] != "PENDING":
        raise _refused("Could not submit a review that isn't pending.")
    event = ctx.body["event"]
    text = ctx.body.get("body") or review["body"]
    held = ctx.list("review_comment", repo=place["id"], review=int(review["id"]), limit=1)
    _may(ctx, issue, event, text or (" " if held else ""))
    review = ctx.update(review, body=text)
    return pull_shapes.review(ctx, place, _submitted(ctx, place, issue, pull, review, event))


@operation("PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals")
def dismiss(ctx: Context, owner: str, repo: str, pull_number: str, review_id: str) -> dict[str, Any]:
    """Let a review count no more."""
    place = repository(ctx, owner, repo)
    need(ctx, place, "push")
    review = _get(ctx, place, pull_number, review_id)
    issue, _ = find_pull(ctx, place, pull_number)
    if review["state"] not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise _refused(f"Can not dismiss a {review['state'].lower()} pull request review")
    before = review["state"].lower()
    review = ctx.update(review, state="DISMISSED")
    what = {"state": before, "review_id": int(review["id"]), "dismissal_message": ctx.body["message"]}
    note(ctx, issue, "review_dismissed", dismissed_review=what)
    _told(ctx, place, issue, review, "dismissed")
    return pull_shapes.review(ctx, place, review)


def _submitted(ctx: Context, repo: Entity, issue: Entity, pull: Entity, review: Entity, event: str) -> Entity:  # noqa: PLR0917 - the parts
    review = ctx.update(review, state=STATES[event], submitted_at=ctx.now())
    change(ctx, issue)
    if review["user"] in pull["reviewers"]:
        ctx.update(pull, reviewers=[login for login in pull["reviewers"] if login != review["user"]])
    _told(ctx, repo, issue, review, "submitted")
    return review


def _told(ctx: Context, repo: Entity, issue: Entity, review: Entity, action: str) -> None:
    def payload() -> dict[str, Any]:
        shown = pull_shapes.review(ctx, repo, review)
        return {
            "review": {**shown, "state": review["state"].lower()},
            "pull_request": pull_shapes.simple(ctx, repo, issue),
        }

    subject = {"number": issue["number"], "title": issue["title"], "state": review["state"]}
    word = {"APPROVED": "approved"}.get(review["state"], "") if action == "submitted" else ""
    listed_as = {"number": issue["number"], "review": review["id"]}
    told(ctx, repo, "pull_request_review", action, subject, payload, word=word, listed=listed_as)


def _may(ctx: Context, issue: Entity, event: str, text: str) -> None:
    if event in _OWN and issue["user"].lower() == me(ctx).lower():
        raise _refused(_OWN[event])
    if event != "APPROVE" and not text:
        raise _refused("Body can not be blank")


def _refused(message: str) -> Refusal:
    return Refusal(422, None, "Unprocessable Entity", errors=[message])


def _seen(ctx: Context, review: Mapping[str, Any]) -> bool:
    return review["state"] != "PENDING" or bool(ctx.key and review["user"] == me(ctx))


def _get(ctx: Context, repo: Entity, number: str, review_id: str) -> Entity:
    issue, _ = find_pull(ctx, repo, number)
    found = ctx.find("review", review_id)
    if found is None or (found["repo"], found["number"]) != (repo["id"], issue["number"]) or not _seen(ctx, found):
        raise not_found()
    return found
