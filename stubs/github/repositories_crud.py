"""One repository: retrieved, changed, renamed, archived, deleted, handed over."""

from functools import partial
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import simple, viewer
from .activity import told
from .repositories import owner_of, repository, visible
from .repository_making import SETTINGS, checked_name, name_it, possible_owner
from .repository_starting import has_branch
from .repository_views import full, listed
from .wording import fault, not_found, validation_failed

_EDITED = ("description", "homepage", "default_branch", "topics")  # of which webhooks are told


@operation("GET /repos/{owner}/{repo}")
def get(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """In full."""
    return full(ctx, repository(ctx, owner, repo))


@operation("GET /repositories/{repository_id}")
def get_by_number(ctx: Context, repository_id: str) -> dict[str, Any]:
    """Likewise, by the number, which stays when the name changes."""
    found = ctx.find("repository", repository_id)
    if found is None or not visible(ctx, found, viewer(ctx)):
        raise not_found()
    return full(ctx, found)


@operation("PATCH /repos/{owner}/{repo}")
def change(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """Settings, the name, the visibility, whether it is archived."""
    found = repository(ctx, owner, repo, needs="admin")
    body: dict[str, Any] = ctx.body
    changes: dict[str, Any] = {name: body[name] for name in SETTINGS if name in body}
    changes |= _visibility(body)
    if "archived" in body:
        changes["archived"] = bool(body["archived"])
    merging = {**found, **changes}
    if not any(merging[f"allow_{way}"] for way in ("squash_merge", "merge_commit", "rebase_merge")):
        text = "Sorry, you need to allow at least one merge strategy. (squash, merge commit, or rebase)"
        raise validation_failed(fault("Repository", "merge_commit_allowed", "custom", text))
    if "default_branch" in body and body["default_branch"] != found["default_branch"]:
        changes["default_branch"] = _branch(ctx, found, body["default_branch"])
    if body.get("name") and body["name"] != found["name"]:
        holder = owner_of(ctx, found)
        changes["name"] = checked_name(ctx, holder, body["name"], but=found.id)
        changes["full_name"] = f"{holder['login']}/{changes['name']}"
    changed = ctx.update(found, **changes, updated_at=ctx.now())
    if "name" in changes:
        name_it(ctx, changed)
    _tell(ctx, found, changed)
    return full(ctx, changed)


@operation("DELETE /repos/{owner}/{repo}")
def delete(ctx: Context, owner: str, repo: str) -> Response:
    """With everything in it; its name is free then."""
    found = repository(ctx, owner, repo, needs="admin")
    for place in ctx.list("repository_name", repository=found.id):
        ctx.delete(place)
    parent = ctx.find("repository", found["_parent"]) if found["_parent"] else None
    if parent is not None:
        ctx.update(parent, forks_count=max(0, parent["forks_count"] - 1))
    ctx.delete(found)
    told(ctx, found, "repository", "deleted", {"full_name": found["full_name"]}, dict)
    return Response(204)


@operation("POST /repos/{owner}/{repo}/transfer")
def transfer(ctx: Context, owner: str, repo: str) -> Response:
    """To another account, under the same name or a new one. Whoever asks for the old address is sent to the new one."""
    found = repository(ctx, owner, repo, needs="admin")
    holder, before = possible_owner(ctx, ctx.body["new_owner"]), owner_of(ctx, found)
    name = checked_name(ctx, holder, ctx.body.get("new_name") or found["name"])
    changed = ctx.update(
        found, name=name, full_name=f"{holder['login']}/{name}", _owner=holder["login"].lower(), updated_at=ctx.now()
    )
    name_it(ctx, changed)
    whose = {"organization" if before["type"] == "Organization" else "user": simple(before)}
    about = {"full_name": changed["full_name"]}
    told(ctx, changed, "repository", "transferred", about, lambda: {"changes": {"owner": {"from": whose}}})
    return Response(202, listed(ctx, changed))


@operation("GET /repos/{owner}/{repo}/topics")
def topics(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """The topics."""
    return {"names": repository(ctx, owner, repo)["topics"]}


@operation("PUT /repos/{owner}/{repo}/topics")
def set_topics(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """All of them at once. Names are of lower case letters, digits and dashes, at most 50 letters long, at most 20 of them."""
    found = repository(ctx, owner, repo, needs="push")
    names = list(dict.fromkeys(name.lower() for name in ctx.body["names"]))
    wrong = [
        name
        for name in names
        if len(name) > 50 or not name.replace("-", "").isalnum() or not name.isascii() or name[0] == "-"
    ]
    if wrong or len(names) > 20:
        text = ("Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens."
                if wrong else "A repository cannot have more than 20 topics.")  # fmt: skip
        raise validation_failed(text)
    changed = ctx.update(found, topics=names, updated_at=ctx.now())
    _tell(ctx, found, changed)
    return {"names": changed["topics"]}


def _tell(ctx: Context, before: Entity, changed: Entity) -> None:
    """What webhooks are told of a change: each thing that has an action of its own."""
    edited = {name: {"from": before[name]} for name in _EDITED if before[name] != changed[name]}
    renamed = {"repository": {"name": {"from": before["name"]}}}
    happened = {
        "renamed": renamed if before["name"] != changed["name"] else None,
        "edited": edited or None,
        "privatized" if changed["private"] else "publicized": {} if before["private"] != changed["private"] else None,
        "archived" if changed["archived"] else "unarchived": {} if before["archived"] != changed["archived"] else None,
    }
    for action, changes in happened.items():
        if changes is not None:
            more = {"changes": changes} if changes else {}
            told(ctx, changed, "repository", action, {"full_name": changed["full_name"]}, partial(dict, more))


def _visibility(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("visibility") is not None:
        return {"visibility": body["visibility"], "private": body["visibility"] != "public"}
    if body.get("private") is not None:
        return {"private": bool(body["private"]), "visibility": "private" if body["private"] else "public"}
    return {}


def _branch(ctx: Context, found: Entity, wanted: str) -> str:
    """A branch to be the default one. Raises 422 for one that isn't there."""
    if not has_branch(ctx, found, wanted):
        text = f"The branch {wanted} was not found. Please push that ref first or create it via the Git Data API."
        raise validation_failed(fault("Repository", "default_branch", "invalid", text))
    return wanted
