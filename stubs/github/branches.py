"""Branches, how they are protected, and tags. https://docs.github.com/rest/branches."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from .accounts import viewer
from .branch_rules import RESOURCE, protection
from .commit_views import shown
from .git_places import HEADS, TAGS, adjusted, object_node, place_of, refusals, repo_url, web_url
from .paging import shown_page
from .pushes import pushed
from .repositories import permission, repository
from .wording import forbidden

_GONE = "Branch not found"
_SWITCHES = (
    "required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations",
    "required_conversation_resolution", "lock_branch", "allow_fork_syncing",
)  # fmt: skip


@operation("GET /repos/{owner}/{repo}/branches")
def list_branches(ctx: Context, owner: str, repo: str) -> Any:
    """All, or the protected ones, or the others."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found, filled=False)
    names = [{"id": name.removeprefix(HEADS), "sha": sha} for name, sha in place.refs.items() if name.startswith(HEADS)]
    if "protected" in ctx.query:
        wanted = ctx.query["protected"] is True
        names = [one for one in names if (protection(ctx, found, one["id"]) is not None) is wanted]
    return shown_page(ctx, names, lambda one: _short(ctx, found, one["id"], one["sha"]))


@operation("GET /repos/{owner}/{repo}/branches/{branch}")
def get_branch(ctx: Context, owner: str, repo: str, branch: str) -> dict[str, Any]:
    """One with the commit that it is at."""
    found = repository(ctx, owner, repo)
    return _whole(ctx, found, branch, _at(ctx, found, branch))


@operation("POST /repos/{owner}/{repo}/branches/{branch}/rename")
def rename(ctx: Context, owner: str, repo: str, branch: str) -> Response:
    """Another name for a branch; pull requests, protection and the default branch follow."""
    found = repository(ctx, owner, repo, needs="push")
    sha, new = _at(ctx, found, branch), ctx.body["new_name"]
    default = branch == found["default_branch"]
    if default and permission(ctx, found, viewer(ctx)) != "admin":
        raise forbidden("Only repository administrators may rename the default branch")
    place = place_of(ctx, found)
    if place.ref(f"{HEADS}{new}") is not None:
        raise Refusal(422, None, f"New branch already exists: {new}")
    with refusals(message=f"New branch name is invalid: {new}"):
        gone = place.delete_ref(f"{HEADS}{branch}")
        made = place.set_ref(f"{HEADS}{new}", sha)
    if default:
        found = ctx.update(found, default_branch=new)
    rules = protection(ctx, found, branch)
    if rules is not None:
        ctx.delete(rules)
        ctx.create(RESOURCE, f"{found.id}/{new}", rules=rules["rules"])
    for pull in ctx.list("pull", repo=found["id"], base_ref=branch, merged=False):
        ctx.update(pull, base_ref=new)
    for pull in ctx.list("pull", head_repo=found["id"], head_ref=branch, merged=False):
        ctx.update(pull, head_ref=new)
    pushed(ctx, adjusted(ctx, found, [made]), [made, gone])
    return Response(201, _whole(ctx, found, new, sha))


@operation("GET /repos/{owner}/{repo}/branches/{branch}/protection")
def get_protection(ctx: Context, owner: str, repo: str, branch: str) -> dict[str, Any]:
    """The rules of a branch."""
    found = repository(ctx, owner, repo, needs="admin")
    return _protected(found, branch, _rules(ctx, found, branch)["rules"])


@operation("PUT /repos/{owner}/{repo}/branches/{branch}/protection")
def set_protection(ctx: Context, owner: str, repo: str, branch: str) -> dict[str, Any]:
    """All rules at once."""
    found = repository(ctx, owner, repo, needs="admin")
    _at(ctx, found, branch)
    known = protection(ctx, found, branch)
    if known is None:
        known = ctx.create(RESOURCE, f"{found.id}/{branch}", rules=dict(ctx.body))
    else:
        known = ctx.update(known, rules=dict(ctx.body))
    return _protected(found, branch, known["rules"])


@operation("DELETE /repos/{owner}/{repo}/branches/{branch}/protection")
def drop_protection(ctx: Context, owner: str, repo: str, branch: str) -> Response:
    """No rules any more."""
    found = repository(ctx, owner, repo, needs="admin")
    ctx.delete(_rules(ctx, found, branch))
    return Response(204)


@operation("GET /repos/{owner}/{repo}/tags")
def list_tags(ctx: Context, owner: str, repo: str) -> Any:
    """Tags with the commits that they stand for."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found, filled=False)
    names = [(name.removeprefix(TAGS), place.peel(sha)) for name, sha in place.refs.items() if name.startswith(TAGS)]
    url = repo_url(found)
    tags = [{"id": name, "sha": sha} for name, sha in sorted(names, reverse=True) if sha is not None]
    return shown_page(ctx, tags, lambda one: {
        "name": one["id"],
        "node_id": object_node("REF", found, one["sha"]),
        "commit": {"sha": one["sha"], "url": f"{url}/commits/{one['sha']}"},
        "zipball_url": f"{url}/zipball/refs/tags/{one['id']}",
        "tarball_url": f"{url}/tarball/refs/tags/{one['id']}",
    })  # fmt: skip


def _at(ctx: Context, found: Entity, branch: str) -> str:
    sha = place_of(ctx, found, filled=False).ref(f"{HEADS}{branch}")
    if sha is None:
        raise Refusal(404, None, _GONE)
    return str(sha)


def _rules(ctx: Context, found: Entity, branch: str) -> Entity:
    _at(ctx, found, branch)
    rules = protection(ctx, found, branch)
    if rules is None:
        raise Refusal(404, None, "Branch not protected")
    return rules


def _short(ctx: Context, found: Entity, name: str, sha: str) -> dict[str, Any]:
    url = repo_url(found)
    rules = protection(ctx, found, name)
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "protected": rules is not None,
        "protection": _summary(rules),
        "protection_url": f"{url}/branches/{name}/protection",
    }


def _whole(ctx: Context, found: Entity, name: str, sha: str) -> dict[str, Any]:
    url = f"{repo_url(found)}/branches/{name}"
    commit = shown(ctx, found, place_of(ctx, found).commit(sha))
    links = {"self": url, "html": f"{web_url(found)}/tree/{name}"}
    return {**_short(ctx, found, name, sha), "commit": commit, "_links": links}


def _summary(rules: Entity | None) -> dict[str, Any]:
    checks = (rules["rules"].get("required_status_checks") or {}) if rules is not None else {}
    level = (
        "off"
        if not checks
        else "everyone"
        if rules is not None and rules["rules"].get("enforce_admins")
        else "non_admins"
    )
    named = [{"app_id": None, **check} for check in checks.get("checks") or ()]
    told = {"enforcement_level": level, "contexts": checks.get("contexts", []), "checks": named}
    return {"enabled": rules is not None, "required_status_checks": told}


def _protected(found: Entity, branch: str, rules: dict[str, Any]) -> dict[str, Any]:
    """Rules as they are shown: the document's `branch-protection`."""
    url = f"{repo_url(found)}/branches/{branch}/protection"
    made: dict[str, Any] = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": bool(rules.get("enforce_admins"))},
        **{name: {"enabled": bool(rules.get(name))} for name in _SWITCHES},
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": False},
    }
    checks, reviews = rules.get("required_status_checks"), rules.get("required_pull_request_reviews")
    if checks is not None:
        named = checks.get("checks") or [{"context": name} for name in checks.get("contexts") or ()]
        contexts = [check["context"] for check in named]
        made["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": bool(checks.get("strict")),
            "contexts": contexts,
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"app_id": None, **check} for check in named],
        }
    if reviews is not None:
        made["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": bool(reviews.get("dismiss_stale_reviews")),
            "require_code_owner_reviews": bool(reviews.get("require_code_owner_reviews")),
            "required_approving_review_count": reviews.get("required_approving_review_count", 1),
            "require_last_push_approval": bool(reviews.get("require_last_push_approval")),
        }
    return made
