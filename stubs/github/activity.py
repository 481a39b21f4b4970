"""What GitHub tells of: an effect for the report, a webhook for each hook that asked, an entry of the event lists."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from .org_views import listed as organization_simple
from .subjects import acting, gid, owner_of, repository_in_full, user

LISTED = {
    "issues": "IssuesEvent",
    "issue_comment": "IssueCommentEvent",
    "pull_request": "PullRequestEvent",
    "pull_request_review": "PullRequestReviewEvent",
    "release": "ReleaseEvent",
    "push": "PushEvent",
    "create": "CreateEvent",
    "delete": "DeleteEvent",
    "star": "WatchEvent",
}  # the events of hooks that are in the lists, too, by their name there
_UNLISTED = frozenset(
    {
        "labeled",
        "unlabeled",
        "milestoned",
        "demilestoned",
        "synchronize",
        "edited",
        "deleted",
        "prereleased",
        "released",
    }
)


def told(  # noqa: PLR0917 - the parts that every event has
    ctx: Context,
    repo: Entity,
    event: str,
    action: str,
    subject: Mapping[str, Any],
    payload: Callable[[], Mapping[str, Any]],
    *,
    word: str = "",
    listed: Mapping[str, Any] | None = None,
) -> None:
    """Tell of an event of a repository.

    `event` and `action` are those of webhooks (`issues`, `opened`; no action where the event has none). `subject` is what
    the report may use, `payload` makes what a webhook carries besides the repository and the sender. `word` is the
    action's name in the report, where that is another one (`merged`, which webhooks call `closed`). `listed` is what
    the event lists keep of it: ids of what is shown there.
    """
    owner = owner_of(ctx, repo)
    organization = owner if owner["type"] == "Organization" else None
    brief = {
        **subject,
        "repository": repo["full_name"],
        "repository_id": repo["id"],
        "organization_id": organization["id"] if organization is not None else None,
    }

    def made() -> dict[str, Any]:
        return message(ctx, repo, action, payload())

    ctx.emit(f"{event}.{word or action}".rstrip("."), brief, message=made)
    if event in LISTED and action not in _UNLISTED:
        number = gid(ctx, "activity")
        ctx.create(
            "activity",
            str(number),
            repo=repo["id"],
            type=LISTED[event],
            action=action,
            actor=acting(ctx),
            about=dict(listed or {}),
            at=ctx.now_ms(),
            created_at=ctx.now(),
        )


def told_organization(  # noqa: PLR0917 - the parts that every event has
    ctx: Context,
    organization: Entity,
    event: str,
    action: str,
    subject: Mapping[str, Any],
    payload: Callable[[], Mapping[str, Any]],
) -> None:
    """Tell of what happened in an organization and to none of its repositories: who belongs to it, its teams."""

    def made() -> dict[str, Any]:
        sender = user(ctx, acting(ctx))
        return {"action": action, **payload(), "organization": organization_simple(organization), "sender": sender}

    brief = {**subject, "organization": organization["login"], "organization_id": organization["id"]}
    ctx.emit(f"{event}.{action}", brief, message=made)


def message(ctx: Context, repo: Entity, action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook carries: the action, what it is about, the repository, its organization, who did it."""
    made: dict[str, Any] = {"action": action} if action else {}
    made |= {**payload, "repository": repository_in_full(ctx, repo), "sender": user(ctx, acting(ctx))}
    owner = owner_of(ctx, repo)
    if owner["type"] == "Organization":
        made["organization"] = organization_simple(owner)
    return made
