"""How replies show organizations and who belongs to them."""

from typing import Any

from childproof.stubkit import Context, Entity

from .accounts import account, simple, viewer
from .naming import API, AVATARS, WEB, node_id
from .wording import forbidden, not_found

# What an organization's owners may set, with what a new one has.
SETTINGS: dict[str, Any] = {
    "billing_email": None, "default_repository_permission": "read", "default_repository_branch": "main", "members_can_create_repositories": True,
    "members_can_create_internal_repositories": False, "members_can_create_private_repositories": True,
    "members_can_create_public_repositories": True, "members_can_create_pages": True,
    "members_can_create_public_pages": True, "members_can_create_private_pages": True,
    "members_can_fork_private_repositories": False, "web_commit_signoff_required": False,
    "has_organization_projects": True, "has_repository_projects": True, "deploy_keys_enabled_for_repositories": True,
    "members_can_create_teams": True, "members_can_delete_repositories": True, "members_can_delete_issues": False,
    "members_can_change_repo_visibility": True, "members_can_invite_outside_collaborators": True,
}  # fmt: skip
PROFILE = ("name", "company", "blog", "location", "email", "twitter_username", "description")


def listed(found: Entity) -> dict[str, Any]:
    """An organization in lists and within other things: the document's `organization-simple`."""
    url = f"{API}/orgs/{found['login']}"
    return {
        "login": found["login"], "id": found["id"], "node_id": node_id("O", found["id"]), "url": url,
        "repos_url": f"{url}/repos", "events_url": f"{url}/events", "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues", "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}", "avatar_url": f"{AVATARS}/u/{found['id']}?v=4",
        "description": found["description"] or "",
    }  # fmt: skip


def public(ctx: Context, found: Entity) -> dict[str, Any]:
    """An organization as everybody sees it."""
    own = ctx.list("repository", _owner=found.id)
    private = sum(1 for one in own if one["private"])
    return {
        **listed(found), **{name: found[name] for name in PROFILE if found.get(name)},
        "is_verified": False, "has_organization_projects": True, "has_repository_projects": True,
        "public_repos": len(own) - private, "public_gists": 0, "followers": 0, "following": 0,
        "html_url": f"{WEB}/{found['login']}", "created_at": found["created_at"], "updated_at": found["updated_at"],
        "archived_at": None, "type": "Organization",
    }  # fmt: skip


def full(ctx: Context, found: Entity) -> dict[str, Any]:
    """An organization as it is retrieved; its members see more."""
    shown = public(ctx, found)
    own = ctx.list("repository", _owner=found.id)
    private = len(own) - shown["public_repos"]
    if member(ctx, found, viewer(ctx)) is not None:
        shown |= {
            **{name: found[name] for name in SETTINGS}, "total_private_repos": private, "owned_private_repos": private,
            "private_gists": 0, "disk_usage": sum(one["size"] for one in own), "collaborators": 0,
            "two_factor_requirement_enabled": False, "members_allowed_repository_creation_type": "all",
            "plan": {"name": "free", "space": 976562499, "private_repos": 10000, "filled_seats": len(members(ctx, found)), "seats": 0},
        }  # fmt: skip
    return shown


def membership(ctx: Context, held: Entity) -> dict[str, Any]:
    """Who belongs to an organization, and as what: the document's `org-membership`."""
    organization, who = account(ctx, held["organization"]), account(ctx, held["member"])
    assert organization is not None
    assert who is not None
    url = f"{API}/orgs/{organization['login']}"
    return {
        "url": f"{url}/memberships/{who['login']}", "state": held["state"], "role": held["role"], "organization_url": url,
        "organization": listed(organization), "user": simple(who), "direct_membership": True,
        "permissions": {"can_create_repository": True},
    }  # fmt: skip


def member(ctx: Context, organization: Entity, who: Entity | None) -> Entity | None:
    """The active membership of somebody; None for who is no member."""
    held = ctx.find("membership", f"{organization.id}/{who.id}") if who is not None else None
    return held if held is not None and held["state"] == "active" else None


def members(ctx: Context, organization: Entity) -> list[Entity]:
    """The active memberships of an organization, in the order in which they began."""
    return ctx.list("membership", newest_first=False, organization=organization.id, state="active")


def administrated(ctx: Context, organization: Entity) -> None:
    """Raise 404 for who doesn't belong to an organization, 403 for who isn't one of its owners."""
    held = member(ctx, organization, viewer(ctx))
    if held is None:
        raise not_found()
    if held["role"] != "admin":
        raise forbidden("You must be an admin or owner of this organization.")
