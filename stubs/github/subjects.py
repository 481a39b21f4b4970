"""What issues, pull requests and the like have in common: whose they are, who may touch them, how they are addressed."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, people

from . import accounts, repositories, repository_views, wording
from .naming import API, WEB, node_id
from .repositories import ARCHIVED, LEVELS, repository

_FIRST = 1_700_000_000  # ids are counted from here on: long enough to be taken for no number of an issue

__all__ = ["node_id", "repository"]


def gid(ctx: Context, resource: str) -> int:
    """A fresh id of a kind, unique among that kind in the world."""
    return _FIRST + int(ctx.new_id(resource)) * 7


def api(repo: Entity) -> str:
    """A repository's address in the API."""
    return f"{API}/repos/{repo['full_name']}"


def web(repo: Entity) -> str:
    """A repository's page."""
    return f"{WEB}/{repo['full_name']}"


def me(ctx: Context) -> str:
    """The login of whoever asks. 401 where nobody does."""
    return str(accounts.needed(ctx)["login"])


def acting(ctx: Context) -> str:
    """The login of whoever something is done by: the caller; the world's first person, where the clock does it."""
    found = accounts.viewer(ctx)
    return str(found["login"]) if found is not None else people(ctx).first(1)[0].login


def user(ctx: Context, login: str | None) -> dict[str, Any] | None:
    """An account as other things show it; None for nobody."""
    return accounts.simple(accounts.account(ctx, login)) if login else None


def owner_of(ctx: Context, repo: Entity) -> Entity:
    """The account that a repository belongs to."""
    return repositories.owner_of(ctx, repo)


def repository_in_full(ctx: Context, repo: Entity) -> dict[str, Any]:
    """A repository as hooks and pull requests carry it."""
    return repository_views.listed(ctx, repo)


def repository_numbered(ctx: Context, number: int | None) -> Entity | None:
    """A repository by its id."""
    return None if number is None else ctx.find("repository", str(number))


def fork_of(ctx: Context, repo: Entity, owner: str) -> Entity | None:
    """The fork of a repository (or what it was forked from) that somebody has."""
    roots = {str(repo["id"]), repo.get("_source")} - {None}
    for other in ctx.list("repository", _owner=owner.lower()):
        if other.id in roots or other.get("_source") in roots or other.get("_parent") in roots:
            return other
    return None


def may(ctx: Context, repo: Entity, level: str = "triage") -> bool:
    """Whether the caller may do what asks for a level: `triage`, `push`, `maintain`, `admin`."""
    held = repositories.permission(ctx, repo, accounts.viewer(ctx))
    return held is not None and LEVELS.index(held) >= LEVELS.index(level)


def need(ctx: Context, repo: Entity, level: str = "triage") -> None:
    """Refuse those who may not; in an archived repository, everybody."""
    owner, name = repo["full_name"].split("/")
    repository(ctx, owner, name, needs=level)


def need_author(ctx: Context, repo: Entity, author: str, level: str = "triage") -> None:
    """Refuse all but whoever wrote something and those who may anyway."""
    if me(ctx).lower() != author.lower() and not may(ctx, repo, level):
        raise wording.forbidden("Must have admin rights to Repository.")


def open_for_writing(ctx: Context, repo: Entity) -> None:
    """Refuse who isn't known, and everybody where the repository is archived."""
    accounts.needed(ctx)
    if repo["archived"]:
        raise wording.forbidden(ARCHIVED)


def not_found(message: str = "Not Found") -> Refusal:
    """404 in GitHub's words."""
    return Refusal(404, None, message)


def invalid(resource: str, field: str | None, code: str, message: str | None = None, value: Any = None) -> Refusal:
    """422 with one entry of `errors`: what is wrong with which field of what."""
    told: dict[str, Any] = {"resource": resource, "field": field, "code": code, "message": message, "value": value}
    return wording.validation_failed({name: what for name, what in told.items() if what is not None})


def association(ctx: Context, repo: Entity, login: str | None) -> str:
    """What somebody is to a repository: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR or NONE."""
    name = (login or "").lower()
    if name == repo["_owner"]:
        return "OWNER"
    if ctx.find("membership", f"{repo['_owner']}/{name}") is not None:
        return "MEMBER"
    if ctx.find("collaborator", f"{repo.id}/{name}") is not None:
        return "COLLABORATOR"
    return "NONE"


def team_of(ctx: Context, repo: Entity) -> list[str]:
    """The logins of all who have a part in a repository: its owner, its collaborators, its organization's members."""
    owner = owner_of(ctx, repo)
    found = [owner["login"]] if owner["type"] == "User" else []
    kinds = (("membership", f"{repo['_owner']}/"), ("collaborator", f"{repo.id}/"))
    for kind, place in kinds:
        for one in ctx.list(kind, newest_first=False):
            key = str(one["_key"])
            known = accounts.account(ctx, key.removeprefix(place)) if key.startswith(place) else None
            if known is not None:
                found.append(known["login"])
    return sorted(dict.fromkeys(found), key=str.lower)
