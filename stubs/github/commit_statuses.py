"""Statuses of commits: one for each context, and all of them combined."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import pull_git
from .activity import told
from .paging import shown_page
from .subjects import api, gid, me, node_id, not_found, repository, repository_in_full, user

MOST = 1000  # for one commit and context


@operation("POST /repos/{owner}/{repo}/statuses/{sha}")
def create(ctx: Context, owner: str, repo: str, sha: str) -> Response:
    """Say how something went for a commit."""
    place = repository(ctx, owner, repo, needs="push")
    if pull_git.of(ctx, place).kind(sha) != "commit":
        raise Refusal(422, None, f"No commit found for SHA: {sha}")
    body = ctx.body
    number = gid(ctx, "commit_status")
    made = ctx.create(
        "commit_status", str(number), repo=place["id"], sha=sha, state=body["state"], context=body.get("context") or "default",
        description=body.get("description"), target_url=body.get("target_url"), creator=me(ctx), created_at=ctx.now(),
    )  # fmt: skip
    subject = {"sha": sha, "state": made["state"], "context": made["context"]}

    def payload() -> dict[str, Any]:
        commit = pull_git.shown(ctx, place, pull_git.of(ctx, place).commit(sha))
        shown = {
            "id": number,
            "sha": sha,
            "name": place["full_name"],
            **{key: made[key] for key in ("state", "context", "description", "target_url")},
        }
        return {
            **shown,
            "commit": commit,
            "branches": [],
            "created_at": made["created_at"],
            "updated_at": made["created_at"],
        }

    told(ctx, place, "status", "", subject, payload)
    return Response(201, {**_shown(ctx, place, made), "creator": user(ctx, made["creator"])})


@operation("GET /repos/{owner}/{repo}/statuses/{sha}")
def listed_of_old(ctx: Context, owner: str, repo: str, sha: str) -> list[dict[str, Any]]:
    """Likewise, at the address of earlier versions."""
    return listed(ctx, owner, repo, sha)


@operation("GET /repos/{owner}/{repo}/commits/{ref}/statuses")
def listed(ctx: Context, owner: str, repo: str, ref: str) -> list[dict[str, Any]]:
    """All statuses of a commit, the newest first."""
    place, sha = _found(ctx, owner, repo, ref)
    found = ctx.page(ctx.list("commit_status", repo=place["id"], sha=sha))
    return [{**_shown(ctx, place, one), "creator": user(ctx, one["creator"])} for one in found]


@operation("GET /repos/{owner}/{repo}/commits/{ref}/status")
def combined(ctx: Context, owner: str, repo: str, ref: str) -> dict[str, Any]:
    """The latest of each context, and what they come to."""
    place, sha = _found(ctx, owner, repo, ref)
    latest = latest_of(ctx, place, sha)
    return {
        "state": together([one["state"] for one in latest]),
        **shown_page(ctx, latest, lambda one: _shown(ctx, place, one), "statuses"),
        "sha": sha,
        "repository": repository_in_full(ctx, place),
        "commit_url": f"{api(place)}/commits/{sha}",
        "url": f"{api(place)}/commits/{sha}/status",
    }


def latest_of(ctx: Context, repo: Entity, sha: str) -> list[Entity]:
    """The latest status of each context of a commit."""
    by_context = {
        one["context"]: one for one in ctx.list("commit_status", newest_first=False, repo=repo["id"], sha=sha)
    }
    return list(by_context.values())


def together(states: list[str]) -> str:
    """What statuses come to: a failure where one failed, else pending until all are there."""
    if any(state in {"failure", "error"} for state in states):
        return "failure"
    return "success" if states and all(state == "success" for state in states) else "pending"


def _found(ctx: Context, owner: str, repo: str, ref: str) -> tuple[Entity, str]:
    place = repository(ctx, owner, repo)
    sha = pull_git.of(ctx, place).resolve(ref)
    if sha is None:
        raise not_found()
    return place, str(sha)


def _shown(ctx: Context, repo: Entity, found: Entity) -> dict[str, Any]:
    number = int(found["id"])
    creator = user(ctx, found["creator"])
    return {
        "url": f"{api(repo)}/statuses/{found['sha']}",
        "avatar_url": creator["avatar_url"] if creator else None,
        "id": number,
        "node_id": node_id("SC", repo["id"], number),
        "state": found["state"],
        "description": found["description"],
        "target_url": found["target_url"],
        "context": found["context"],
        "created_at": found["created_at"],
        "updated_at": found["created_at"],
    }
