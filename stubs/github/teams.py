"""Teams of an organization: https://docs.github.com/rest/teams/teams."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import existing, needed, viewer
from .activity import told_organization
from .naming import API, WEB, node_id
from .org_views import administrated, member
from .org_views import public as public_organization
from .paging import shown_page
from .repositories import named
from .team_members import join_team, members_of
from .wording import fault, not_found, validation_failed

_FIELDS = ("name", "description", "privacy", "notification_setting", "permission")
_EDITED = ("name", "description", "privacy", "notification_setting")  # of which webhooks are told


@operation("GET /orgs/{org}/teams")
def list_teams(ctx: Context, org: str) -> Any:
    """Those that the caller may see: members see all but the secret ones of others."""
    found = _inside(ctx, org)
    return shown_page(ctx, ctx.list("team", newest_first=False, _organization=found.id), lambda one: listed(ctx, one))


@operation("POST /orgs/{org}/teams")
def create(ctx: Context, org: str) -> Response:
    """A team, whose maker is its first member."""
    found, caller = _inside(ctx, org), needed(ctx)
    slug = slug_of(ctx.body["name"])
    if not slug:
        raise validation_failed(fault("Team", "name", "missing_field"))
    if _find(ctx, found, slug) is not None:
        raise validation_failed(fault("Team", "name", "custom", "Name must be unique for this org"))
    parent = ctx.body.get("parent_team_id")
    if parent is not None and ctx.find("team", str(parent)) is None:
        raise validation_failed(fault("Team", "parent_team_id"))
    now = ctx.now()
    blank = {"description": None, "privacy": "closed" if parent else "secret", "notification_setting": "notifications_enabled",
             "permission": "pull"}  # fmt: skip
    given = {name: ctx.body[name] for name in _FIELDS if ctx.body.get(name) is not None}
    made = ctx.create("team", **{**blank, **given, "slug": slug, "_organization": found.id, "_parent": str(parent) if parent else None,
                                 "created_at": now, "updated_at": now})  # fmt: skip
    for login in (caller["login"], *ctx.body.get("maintainers", ())):
        join_team(ctx, made, existing(ctx, login, "User"), "maintainer")
    for name in ctx.body.get("repo_names", ()):
        repository = named(ctx, *name.partition("/")[::2])
        if repository is None:
            raise not_found()
        grant(ctx, made, repository, made["permission"])
    _tell(ctx, made, "created")
    return Response(201, full(ctx, made))


@operation("GET /orgs/{org}/teams/{team_slug}")
def get(ctx: Context, org: str, team_slug: str) -> dict[str, Any]:
    """In full."""
    return full(ctx, team(ctx, org, team_slug))


@operation("PATCH /orgs/{org}/teams/{team_slug}")
def change(ctx: Context, org: str, team_slug: str) -> dict[str, Any]:
    """Its name (and with it its slug), what it is for, above it."""
    found = team(ctx, org, team_slug, writes=True)
    changes = {name: ctx.body[name] for name in _FIELDS if name in ctx.body}
    if "name" in changes:
        changes["slug"] = slug_of(changes["name"])
    if "parent_team_id" in ctx.body:
        changes["_parent"] = str(ctx.body["parent_team_id"]) if ctx.body["parent_team_id"] else None
    changed = ctx.update(found, **changes, updated_at=ctx.now())
    before = {name: {"from": found[name]} for name in _EDITED if found[name] != changed[name]}
    if before:
        _tell(ctx, changed, "edited", changes=before)
    return full(ctx, changed)


@operation("DELETE /orgs/{org}/teams/{team_slug}")
def delete(ctx: Context, org: str, team_slug: str) -> Response:
    """With its members' places and what it was granted."""
    found = team(ctx, org, team_slug, writes=True)
    for held in (*ctx.list("team_member", team=found.id), *ctx.list("team_repository", team=found.id)):
        ctx.delete(held)
    for below in ctx.list("team", _parent=found.id):
        ctx.update(below, _parent=found["_parent"])
    ctx.delete(found)
    _tell(ctx, found, "deleted")
    return Response(204)


@operation("GET /orgs/{org}/teams/{team_slug}/teams")
def children(ctx: Context, org: str, team_slug: str) -> Any:
    """The teams below it."""
    below = ctx.list("team", newest_first=False, _parent=team(ctx, org, team_slug).id)
    return shown_page(ctx, below, lambda one: listed(ctx, one))


@operation("GET /user/teams")
def mine(ctx: Context) -> Any:
    """The caller's teams, of all organizations."""
    places = ctx.list("team_member", newest_first=False, login=needed(ctx).id)
    return shown_page(ctx, [ctx.get("team", place["team"]) for place in places], lambda one: full(ctx, one))


def team(ctx: Context, org: str, slug: str, *, writes: bool = False) -> Entity:
    """A team of an organization. Raises 404, for who isn't a member of the organization, too; 403 for who may not change it."""
    organization = _inside(ctx, org)
    found = _find(ctx, organization, slug.lower())
    if found is None:
        raise not_found()
    caller = needed(ctx)
    place = ctx.find("team_member", f"{found.id}/{caller.id}")
    if writes and (place is None or place["role"] != "maintainer"):
        administrated(ctx, organization)
    return found


def grant(ctx: Context, found: Entity, repository: Entity, level: str) -> None:
    """Let a team do something with a repository."""
    held = ctx.find("team_repository", f"{found.id}/{repository.id}")
    if held is None:
        ctx.create(
            "team_repository", f"{found.id}/{repository.id}", team=found.id, repository=repository.id, permission=level
        )
    else:
        ctx.update(held, permission=level)


def listed(ctx: Context, found: Entity, *, above: bool = True) -> dict[str, Any]:
    """A team in lists: the document's `team`."""
    organization = existing(ctx, found["_organization"])
    url = f"{API}/orgs/{organization['login']}/teams/{found['slug']}"
    shown = {
        "id": int(found.id), "node_id": node_id("T", organization["id"], int(found.id)), "name": found["name"], "slug": found["slug"],
        "description": found["description"] or "", "privacy": found["privacy"], "notification_setting": found["notification_setting"],
        "permission": found["permission"], "url": url, "html_url": f"{WEB}/orgs/{organization['login']}/teams/{found['slug']}",
        "members_url": f"{url}/members{{/member}}", "repositories_url": f"{url}/repos", "type": "organization",
        "organization_id": organization["id"],
    }  # fmt: skip
    if above:
        parent = ctx.find("team", found["_parent"]) if found["_parent"] else None
        shown["parent"] = listed(ctx, parent, above=False) if parent is not None else None
    return shown


def full(ctx: Context, found: Entity) -> dict[str, Any]:
    """A team as it is retrieved: the document's `team-full`."""
    return {
        **listed(ctx, found), "created_at": found["created_at"], "updated_at": found["updated_at"],
        "members_count": len(members_of(ctx, found)), "repos_count": len(ctx.list("team_repository", team=found.id)),
        "organization": public_organization(ctx, existing(ctx, found["_organization"])),
    }  # fmt: skip


def _tell(ctx: Context, found: Entity, action: str, **more: Any) -> None:
    organization = existing(ctx, found["_organization"])
    told_organization(
        ctx, organization, "team", action, {"team": found["slug"]}, lambda: {"team": listed(ctx, found), **more}
    )


def slug_of(name: str) -> str:
    """A team's name as addresses have it."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


def _find(ctx: Context, organization: Entity, slug: str) -> Entity | None:
    return next(iter(ctx.list("team", _organization=organization.id, slug=slug, limit=1)), None)


def _inside(ctx: Context, org: str) -> Entity:
    found = existing(ctx, org, "Organization")
    if member(ctx, found, viewer(ctx)) is None:
        raise not_found()
    return found
