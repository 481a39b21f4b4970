"""What hooks are told of issues and pull requests, their labels, their people and their comments."""

from typing import Any

from childproof.stubkit import Context, Entity

from . import issue_shapes
from .activity import told
from .pull_shapes import pull_request
from .subjects import user


def issue(ctx: Context, repo: Entity, found: Entity, action: str, *, word: str = "", **more: Any) -> None:
    """Something happened to an issue or a pull request. `more` joins the webhook: the label, the assignee, changes."""
    event = "pull_request" if found["pull"] else "issues"
    subject = {"number": found["number"], "title": found["title"], "user": found["user"]}

    def payload() -> dict[str, Any]:
        if found["pull"]:
            return {"number": found["number"], "pull_request": pull_request(ctx, repo, found), **more}
        return {"issue": issue_shapes.issue(ctx, repo, found), **more}

    told(ctx, repo, event, action, subject, payload, word=word, listed={"number": found["number"]})


def labels(ctx: Context, repo: Entity, found: Entity, came: list[Entity], went: list[Entity]) -> None:
    """Labels were given and taken: an event for each."""
    for action, those in (("labeled", came), ("unlabeled", went)):
        for label in those:
            issue(ctx, repo, found, action, label=issue_shapes.label(repo, label))


def people(ctx: Context, repo: Entity, found: Entity, came: list[str], went: list[str]) -> None:
    """People were assigned and unassigned: an event for each."""
    for action, those in (("assigned", came), ("unassigned", went)):
        for login in those:
            issue(ctx, repo, found, action, assignee=user(ctx, login))


def milestone(ctx: Context, repo: Entity, found: Entity, before: int | None) -> None:
    """An issue's milestone is another than before."""
    if found["milestone"] == before:
        return
    action = "demilestoned" if found["milestone"] is None else "milestoned"
    number = before if found["milestone"] is None else found["milestone"]
    named = ctx.find("milestone", f"{repo['id']}-{number}")
    more: dict[str, Any] = {"milestone": issue_shapes.milestone(ctx, repo, named)} if named else {}
    issue(ctx, repo, found, action, **more)


def comment(ctx: Context, repo: Entity, found: Entity, one: Entity, action: str, **more: Any) -> None:
    """A comment was made, changed or deleted."""
    subject = {"number": found["number"], "title": found["title"], "user": one["user"], "id": int(one["id"])}

    def payload() -> dict[str, Any]:
        shown = issue_shapes.comment(ctx, repo, one)
        return {"issue": issue_shapes.issue(ctx, repo, found), "comment": shown, **more}

    listed = {"number": found["number"], "comment": one["id"]}
    told(ctx, repo, "issue_comment", action, subject, payload, listed=listed)
