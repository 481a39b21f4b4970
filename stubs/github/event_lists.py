"""Event lists: what happened in a repository, in an organization's, or by somebody. The newest 300 of the last 90 days."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import issue_shapes, pull_shapes, release_shapes
from .accounts import account, existing, viewer
from .naming import API
from .repositories import visible
from .subjects import api, repository, repository_numbered

MOST = 300
DAYS = 90 * 86_400_000


@operation("GET /repos/{owner}/{repo}/events")
def of_repository(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """What happened in a repository."""
    place = repository(ctx, owner, repo)
    return _page(ctx, ctx.list("activity", repo=place["id"], limit=MOST))


@operation("GET /users/{username}/events")
def of_user(ctx: Context, username: str) -> list[dict[str, Any]]:
    """What somebody did, where the caller may see it."""
    return _page(ctx, ctx.list("activity", actor=existing(ctx, username)["login"], limit=MOST))


@operation("GET /users/{username}/events/public")
def of_user_in_public(ctx: Context, username: str) -> list[dict[str, Any]]:
    """What somebody did where all can see it."""
    found = ctx.list("activity", actor=existing(ctx, username)["login"], limit=MOST)
    return _page(ctx, found, lambda repo: not repo["private"])


@operation("GET /orgs/{org}/events")
def of_organization(ctx: Context, org: str) -> list[dict[str, Any]]:
    """What happened in an organization's public repositories."""
    name = existing(ctx, org, "Organization")["login"].lower()
    return _page(ctx, ctx.list("activity"), lambda repo: repo["_owner"] == name and not repo["private"])


def _page(ctx: Context, found: list[Entity], fits: Callable[[Entity], bool] = lambda _: True) -> list[dict[str, Any]]:
    caller, known = viewer(ctx), dict[int, Entity | None]()
    kept = []
    for entry in found:
        if entry["repo"] not in known:
            known[entry["repo"]] = repository_numbered(ctx, entry["repo"])
        repo = known[entry["repo"]]
        if repo is not None and fits(repo) and visible(ctx, repo, caller) and int(entry["at"]) > ctx.now_ms() - DAYS:
            kept.append(entry)
    shown = (_shown(ctx, entry, known[entry["repo"]]) for entry in ctx.page(kept[:MOST]))
    return [one for one in shown if one is not None]


def _shown(ctx: Context, entry: Mapping[str, Any], repo: Entity | None) -> dict[str, Any] | None:
    actor = account(ctx, entry["actor"])
    if repo is None or actor is None:
        return None
    payload = _PAYLOADS.get(entry["type"], _plain)(ctx, repo, entry)
    if payload is None:
        return None
    made = {
        "id": str(entry["id"]),
        "type": entry["type"],
        "actor": {**_actor(actor), "display_login": actor["login"]},
        "repo": {"id": repo["id"], "name": repo["full_name"], "url": api(repo)},
        "payload": payload,
        "public": not repo["private"],
        "created_at": entry["created_at"],
    }
    owner = existing(ctx, repo["_owner"])
    return {**made, "org": _actor(owner)} if owner["type"] == "Organization" else made


def _actor(found: Entity) -> dict[str, Any]:
    kind = "orgs" if found["type"] == "Organization" else "users"
    avatar = f"https://avatars.githubusercontent.com/u/{found['id']}?"
    return {
        "id": found["id"],
        "login": found["login"],
        "gravatar_id": "",
        "url": f"{API}/{kind}/{found['login']}",
        "avatar_url": avatar,
    }


def _issue(ctx: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    issue = ctx.find("issue", f"{repo['id']}-{entry['about']['number']}")
    return None if issue is None else {"action": entry["action"], "issue": issue_shapes.issue(ctx, repo, issue)}


def _comment(ctx: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    made, comment = _issue(ctx, repo, entry), ctx.find("comment", entry["about"]["comment"])
    return None if made is None or comment is None else {**made, "comment": issue_shapes.comment(ctx, repo, comment)}


def _pull(ctx: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    number = entry["about"]["number"]
    issue = ctx.find("issue", f"{repo['id']}-{number}")
    if issue is None:
        return None
    whole = pull_shapes.simple(ctx, repo, issue)
    sides = {}
    for side in ("head", "base"):
        home = whole[side]["repo"] or {}
        kept = {name: home.get(name) for name in ("id", "name", "url")}
        sides[side] = {"ref": whole[side]["ref"], "sha": whole[side]["sha"], "repo": kept}
    brief = {"id": whole["id"], "number": number, "url": whole["url"], **sides}
    return {"action": entry["action"], "number": number, "pull_request": brief}


def _review(ctx: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    made, review = _pull(ctx, repo, entry), ctx.find("review", entry["about"]["review"])
    if made is None or review is None:
        return None
    shown = pull_shapes.review(ctx, repo, review)
    kept = {name: value for name, value in shown.items() if name != "author_association"}
    kept |= {"state": shown["state"].lower(), "updated_at": shown["submitted_at"]}
    return {"action": entry["action"], "pull_request": made["pull_request"], "review": kept}


def _release(ctx: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    release = ctx.find("release", entry["about"]["release"])
    return (
        None if release is None else {"action": entry["action"], "release": release_shapes.release(ctx, repo, release)}
    )


def _push(_: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"repository_id": repo["id"], "push_id": int(entry["id"]), **entry["about"]}


def _ref(_: Context, repo: Entity, entry: Mapping[str, Any]) -> dict[str, Any]:
    about = entry["about"]
    folder = "heads" if about["ref_type"] == "branch" else "tags"
    made = {
        "ref": about["ref"],
        "ref_type": about["ref_type"],
        "full_ref": f"refs/{folder}/{about['ref']}",
        "pusher_type": "user",
    }
    if entry["type"] == "DeleteEvent":
        return made
    return {**made, "master_branch": repo["default_branch"], "description": repo["description"]}


def _plain(_: Context, __: Entity, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": entry["action"] or "started"}


_PAYLOADS: Mapping[str, Callable[[Context, Entity, Mapping[str, Any]], dict[str, Any] | None]] = {
    "IssuesEvent": _issue,
    "IssueCommentEvent": _comment,
    "PullRequestEvent": _pull,
    "PullRequestReviewEvent": _review,
    "ReleaseEvent": _release,
    "PushEvent": _push,
    "CreateEvent": _ref,
    "DeleteEvent": _ref,
}
