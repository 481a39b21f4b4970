"""A team's members and repositories: https://docs.github.com/rest/teams/members."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import account, existing, simple
from .activity import told, told_organization
from .media import accepts
from .naming import API
from .orgs import join
from .paging import shown_page
from .repositories import LEVELS, repository
from .repository_views import listed
from .team_members import join_team
from .teams import grant, team
from .teams import listed as listed_team
from .wording import fault, not_found, validation_failed


@operation("GET /orgs/{org}/teams/{team_slug}/members")
def members(ctx: Context, org: str, team_slug: str) -> Any:
    """Who is in it."""
    role = ctx.query.get("role", "all")
    held = ctx.list("team_member", newest_first=False, team=team(ctx, org, team_slug).id)
    return shown_page(
        ctx, [one for one in held if role in {"all", one["role"]}], lambda one: simple(account(ctx, one["login"]))
    )


@operation("GET /orgs/{org}/teams/{team_slug}/memberships/{username}")
def membership(ctx: Context, org: str, team_slug: str, username: str) -> dict[str, Any]:
    """As what somebody is in it."""
    found = team(ctx, org, team_slug)
    held = ctx.find("team_member", f"{found.id}/{username.lower()}")
    if held is None:
        raise not_found()
    return _shown(ctx, org, found, held)


@operation("PUT /orgs/{org}/teams/{team_slug}/memberships/{username}")
def add(ctx: Context, org: str, team_slug: str, username: str) -> dict[str, Any]:
    """Put somebody into it; who isn't a member of the organization is invited to that as well."""
    found, who = team(ctx, org, team_slug, writes=True), existing(ctx, username, "User")
    organization = existing(ctx, org)
    if ctx.find("membership", f"{organization.id}/{who.id}") is None:
        join(ctx, organization, who, "member", state="pending")
    known = ctx.find("team_member", f"{found.id}/{who.id}")
    held = join_team(ctx, found, who, ctx.body.get("role", "member"))
    if known is None:
        _tell_of_member(ctx, found, "added", who)
    return _shown(ctx, org, found, held)


@operation("DELETE /orgs/{org}/teams/{team_slug}/memberships/{username}")
def remove(ctx: Context, org: str, team_slug: str, username: str) -> Response:
    """Take somebody out of it."""
    found = team(ctx, org, team_slug, writes=True)
    held = ctx.find("team_member", f"{found.id}/{username.lower()}")
    if held is None:
        raise not_found()
    ctx.delete(held)
    _tell_of_member(ctx, found, "removed", existing(ctx, username))
    return Response(204)


@operation("GET /orgs/{org}/teams/{team_slug}/repos")
def repositories(ctx: Context, org: str, team_slug: str) -> Any:
    """What it may do something with."""
    held = ctx.list("team_repository", newest_first=False, team=team(ctx, org, team_slug).id)
    found = [one for place in held if (one := ctx.find("repository", place["repository"])) is not None]
    return shown_page(ctx, found, lambda one: listed(ctx, one))


@operation("GET /orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}")
def access(ctx: Context, org: str, team_slug: str, owner: str, repo: str) -> Response:
    """204, or what the team may do for who accepts that media type; 404 for nothing."""
    found, place = team(ctx, org, team_slug), repository(ctx, owner, repo)
    held = ctx.find("team_repository", f"{found.id}/{place.id}")
    if held is None:
        raise not_found()
    if not accepts(ctx, "repository"):
        return Response(204)
    level = LEVELS.index(held["permission"])
    return Response(200, {**listed(ctx, place), "permissions": {name: LEVELS.index(name) <= level for name in LEVELS}})


@operation("PUT /orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}")
def give(ctx: Context, org: str, team_slug: str, owner: str, repo: str) -> Response:
    """Let it do something with a repository of the organization."""
    found, place = team(ctx, org, team_slug), repository(ctx, owner, repo, needs="admin")
    level = ctx.body.get("permission") or found["permission"]
    if place["_owner"] != found["_organization"] or level not in LEVELS:
        raise validation_failed(fault("TeamMember", "permission" if level not in LEVELS else "repository"))
    known = ctx.find("team_repository", f"{found.id}/{place.id}")
    grant(ctx, found, place, level)
    if known is None:
        told(
            ctx,
            place,
            "team",
            "added_to_repository",
            {"team": found["slug"]},
            lambda: {"team": listed_team(ctx, found)},
        )
        told(ctx, place, "team_add", "", {"team": found["slug"]}, lambda: {"team": listed_team(ctx, found)})
    return Response(204)


@operation("DELETE /orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}")
def take(ctx: Context, org: str, team_slug: str, owner: str, repo: str) -> Response:
    """Let it do nothing with it any more."""
    found, place = team(ctx, org, team_slug), repository(ctx, owner, repo, needs="admin")
    held = ctx.find("team_repository", f"{found.id}/{place.id}")
    if held is not None:
        ctx.delete(held)
        told(
            ctx,
            place,
            "team",
            "removed_from_repository",
            {"team": found["slug"]},
            lambda: {"team": listed_team(ctx, found)},
        )
    return Response(204)


@operation("GET /repos/{owner}/{repo}/teams")
def teams_of(ctx: Context, owner: str, repo: str) -> Any:
    """The teams that may do something with a repository."""
    held = ctx.list("team_repository", newest_first=False, repository=repository(ctx, owner, repo, needs="push").id)
    return shown_page(
        ctx, held, lambda one: {**listed_team(ctx, ctx.get("team", one["team"])), "permission": one["permission"]}
    )


def _tell_of_member(ctx: Context, found: Entity, action: str, who: Entity) -> None:
    about = {"team": found["slug"], "member": who["login"]}
    told_organization(
        ctx, existing(ctx, found["_organization"]), "membership", action, about,
        lambda: {"scope": "team", "member": simple(who), "team": listed_team(ctx, found)},
    )  # fmt: skip


def _shown(ctx: Context, org: str, found: Entity, held: Entity) -> dict[str, Any]:
    organization = existing(ctx, org)
    place = ctx.find("membership", f"{organization.id}/{held['login']}")
    state = place["state"] if place is not None else "pending"
    url = f"{API}/orgs/{organization['login']}/teams/{found['slug']}/memberships/{held['login']}"
    return {"url": url, "role": held["role"], "state": state}
