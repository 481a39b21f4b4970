"""Which repository an operation is about, and who may do what with it: for everything below /repos/{owner}/{repo}."""

from typing import Any

from childproof.stubkit import Context, Entity, finds

from .accounts import account, existing, needed, viewer
from .naming import API
from .wording import forbidden, moved, not_found

# What somebody may do, each including those before it: https://docs.github.com/organizations/managing-user-access
LEVELS = ("pull", "triage", "push", "maintain", "admin")
_LACKS = {
    "admin": "Must have admin rights to Repository.",
    "maintain": "Must have maintain access to Repository.",
    "push": "Must have push access to Repository.",
    "triage": "Must have triage access to Repository.",
}
ARCHIVED = "Repository was archived so is read-only."
_BASE = {"read": "pull", "write": "push", "admin": "admin", "none": None}


def repository(ctx: Context, owner: str, repo: str, *, needs: str = "", writes: bool = False) -> Entity:
    """The repository of a path, whatever the case of its names. Raises as GitHub does.

    404: there is none, or the caller may not see it. 301: it has another name now. 401, 403: the caller may see it, but has
    less than `needs` (`triage`, `push`, `maintain`, `admin`). With `writes` (implied by `needs`) somebody must be known, and
    the repository must not be archived; what changes the archive itself asks with `needs="admin"` and a PATCH or DELETE.
    """
    found = named(ctx, owner, repo)
    caller = viewer(ctx)
    level = permission(ctx, found, caller) if found is not None else None
    if found is None or level is None:
        raise not_found()
    if found["full_name"].lower() != f"{owner}/{repo}".lower():
        raise moved(elsewhere(ctx, owner, repo, found))
    if needs or writes:
        needed(ctx)
    if needs and LEVELS.index(level) < LEVELS.index(needs):
        raise forbidden(_LACKS[needs])
    if found["archived"] and (writes or needs) and not _about_itself(ctx):
        raise forbidden(ARCHIVED)
    return found


def named(ctx: Context, owner: str, repo: str) -> Entity | None:
    """The repository that has a name or had it before, whoever may see it; None where there is none."""
    place = ctx.find("repository_name", f"{owner}/{repo}".lower())
    return ctx.find("repository", place["repository"]) if place is not None else None


def visible(ctx: Context, found: Entity, caller: Entity | None) -> bool:
    """Whether somebody (None: anybody) may see a repository."""
    return permission(ctx, found, caller) is not None


def permission(ctx: Context, found: Entity, caller: Entity | None) -> str | None:
    """The highest of LEVELS that somebody has; None for nothing at all, not even to see it."""
    levels = ["pull"] if not found["private"] else []
    if caller is not None:
        levels += [level for level in _held(ctx, found, caller) if level in LEVELS]
    return max(levels, key=LEVELS.index, default=None)


def permissions(ctx: Context, found: Entity, caller: Entity | None) -> dict[str, bool]:
    """What somebody may do, as replies have it."""
    level = permission(ctx, found, caller)
    place = -1 if level is None else LEVELS.index(level)
    return {name: LEVELS.index(name) <= place for name in reversed(LEVELS)}


def owner_of(ctx: Context, found: Entity) -> Entity:
    """The account that a repository belongs to."""
    return existing(ctx, found["_owner"])


def elsewhere(ctx: Context, owner: str, repo: str, found: Entity) -> str:
    """The address of a call with a repository's name of today."""
    rest = ctx.call.path[len(f"/repos/{owner}/{repo}") :]
    return f"{API}/repos/{found['full_name']}{rest}{'?' if ctx.call.query else ''}{ctx.call.query}"


@finds("/repos/{owner}/{repo}")
def find(ctx: Context, owner: str, repo: str) -> Entity:
    """The repository of an operation that has no code of its own; what isn't read needs the right to push."""
    return repository(ctx, owner, repo, needs="" if ctx.call.method in {"GET", "HEAD"} else "push")


def _held(ctx: Context, found: Entity, caller: Entity) -> list[str | None]:
    """The levels that somebody has by owning, by belonging to the organization, its teams, or by invitation."""
    if found["_owner"] == caller["login"].lower():
        return ["admin"]
    held: list[str | None] = []
    own = ctx.find("collaborator", f"{found.id}/{caller['login'].lower()}")
    if own is not None:
        held.append(own["permission"])
    member = ctx.find("membership", f"{found['_owner']}/{caller['login'].lower()}")
    if member is not None and member["state"] == "active":
        organization = account(ctx, found["_owner"])
        usual = organization.get("default_repository_permission") if organization is not None else None
        base = _BASE.get(usual or "read")
        held.append("admin" if member["role"] == "admin" else base)
        held.extend(grant["permission"] for grant in _granted(ctx, found, caller))
    return held


def _granted(ctx: Context, found: Entity, caller: Entity) -> list[dict[str, Any]]:
    """What teams of the organization may do with a repository, of those that somebody is in."""
    grants = ctx.list("team_repository", repository=found.id)
    return [
        grant for grant in grants if ctx.find("team_member", f"{grant['team']}/{caller['login'].lower()}") is not None
    ]


def _about_itself(ctx: Context) -> bool:
    return ctx.operation in {"PATCH /repos/{owner}/{repo}", "DELETE /repos/{owner}/{repo}"}
