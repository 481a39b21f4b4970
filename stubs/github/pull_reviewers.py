"""Who is asked to review a pull request."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import issue_telling, pull_shapes
from .assignees import assignable
from .issue_records import change, note
from .pull_records import find_pull
from .subjects import me, need, open_for_writing, repository, user


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers")
def listed(ctx: Context, owner: str, repo: str, pull_number: str) -> dict[str, Any]:
    """Who was asked and hasn't answered yet."""
    place = repository(ctx, owner, repo)
    _, pull = find_pull(ctx, place, pull_number)
    return {"users": [user(ctx, login) for login in pull["reviewers"]], "teams": []}


@operation("POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers")
def ask(ctx: Context, owner: str, repo: str, pull_number: str) -> Response:
    """Ask people for a review: those who have a part in the repository, never the author."""
    place = repository(ctx, owner, repo)
    issue, pull = _found(ctx, place, pull_number)
    wanted = []
    for login in ctx.body.get("reviewers") or []:
        if login.lower() == issue["user"].lower():
            raise Refusal(422, None, "Review cannot be requested from pull request author.")
        known = assignable(ctx, place, login)
        if known is None:
            raise Refusal(
                422, None,
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
                f"collaborator of the {place['full_name']} repository.",
            )  # fmt: skip
        wanted.append(known)
    came = [login for login in dict.fromkeys(wanted) if login not in pull["reviewers"]]
    ctx.update(pull, reviewers=[*pull["reviewers"], *came])
    return Response(201, _told(ctx, place, issue, came, "review_requested"))


@operation("DELETE /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers")
def unask(ctx: Context, owner: str, repo: str, pull_number: str) -> dict[str, Any]:
    """Ask them no more."""
    place = repository(ctx, owner, repo)
    issue, pull = _found(ctx, place, pull_number)
    given = {login.lower() for login in ctx.body.get("reviewers") or []}
    went = [login for login in pull["reviewers"] if login.lower() in given]
    ctx.update(pull, reviewers=[login for login in pull["reviewers"] if login not in went])
    return _told(ctx, place, issue, went, "review_request_removed")


def _found(ctx: Context, repo: Entity, number: str) -> tuple[Entity, Entity]:
    open_for_writing(ctx, repo)
    issue, pull = find_pull(ctx, repo, number)
    need(ctx, repo)
    return issue, pull


def _told(ctx: Context, repo: Entity, issue: Entity, logins: list[str], event: str) -> dict[str, Any]:
    for login in logins:
        issue = change(ctx, issue)
        note(ctx, issue, event, requested_reviewer=login, review_requester=me(ctx))
        issue_telling.issue(ctx, repo, issue, event, requested_reviewer=user(ctx, login))
    return pull_shapes.simple(ctx, repo, issue)
