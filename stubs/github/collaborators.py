"""Who may do what with a repository: https://docs.github.com/rest/collaborators."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import account, existing, needed, simple
from .activity import told
from .naming import API, WEB, node_id
from .org_views import members
from .paging import shown_page
from .repositories import LEVELS, owner_of, permission, permissions, repository
from .repository_views import listed
from .wording import fault, not_found, validation_failed

# What permissions are called when they are shown, and when an invitation is changed.
_ROLES = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
_LEVELS = {role: level for level, role in _ROLES.items()}
_COARSE = {"pull": "read", "triage": "read", "push": "write", "maintain": "write", "admin": "admin", None: "none"}


@operation("GET /repos/{owner}/{repo}/collaborators")
def list_collaborators(ctx: Context, owner: str, repo: str) -> Any:
    """The owner, who was invited and accepted, the organization's members; for those who may push."""
    found = repository(ctx, owner, repo, needs="push") if needed(ctx) else None
    assert found is not None
    affiliation, least = ctx.query.get("affiliation", "all"), ctx.query.get("permission", "pull")
    shown = [one for one in _all(ctx, found, affiliation) if permissions(ctx, found, one)[least]]
    return shown_page(ctx, shown, lambda one: _shown(ctx, found, one))


@operation("GET /repos/{owner}/{repo}/collaborators/{username}")
def check(ctx: Context, owner: str, repo: str, username: str) -> Response:
    """204 for one of them, 404 for nobody."""
    found = repository(ctx, owner, repo, needs="push")
    if existing(ctx, username, "User") not in _all(ctx, found, "all"):
        raise not_found()
    return Response(204)


@operation("PUT /repos/{owner}/{repo}/collaborators/{username}")
def add(ctx: Context, owner: str, repo: str, username: str) -> Response:
    """Invite somebody, or change what one who is there may do."""
    found = repository(ctx, owner, repo, needs="admin")
    who, level = existing(ctx, username, "User"), ctx.body.get("permission", "push")
    if level not in LEVELS:
        raise validation_failed(fault("Repository", "permission", "custom", f"{level} is not a valid permission"))
    if who.id == found["_owner"]:
        raise validation_failed("Repository owner cannot be a collaborator")
    held = ctx.find("collaborator", f"{found.id}/{who.id}")
    if held is not None:
        changes = {
            "old_permission": {"from": _ROLES[held["permission"]]},
            "permission": {"from": _ROLES[held["permission"]], "to": _ROLES[level]},
        }
        ctx.update(held, permission=level)
        _tell(ctx, found, "edited", who, changes)
        return Response(204)
    known = ctx.list("invitation", repository=found.id, invitee=who.id)
    if known:
        return Response(201, _invitation(ctx, ctx.update(known[0], permission=level)))
    made = ctx.create(
        "invitation",
        repository=found.id,
        invitee=who.id,
        inviter=needed(ctx).id,
        permission=level,
        created_at=ctx.now(),
    )
    return Response(201, _invitation(ctx, made))


@operation("DELETE /repos/{owner}/{repo}/collaborators/{username}")
def remove(ctx: Context, owner: str, repo: str, username: str) -> Response:
    """Take access away, and invitations back."""
    found, who = (
        repository(ctx, owner, repo, needs="" if username.lower() == needed(ctx).id else "admin"),
        username.lower(),
    )
    held = ctx.find("collaborator", f"{found.id}/{who}")
    if held is not None:
        ctx.delete(held)
        _tell(ctx, found, "removed", existing(ctx, who), {})
    for invitation in ctx.list("invitation", repository=found.id, invitee=who):
        ctx.delete(invitation)
    return Response(204)


@operation("GET /repos/{owner}/{repo}/collaborators/{username}/permission")
def level_of(ctx: Context, owner: str, repo: str, username: str) -> dict[str, Any]:
    """What somebody may do."""
    found = repository(ctx, owner, repo, needs="push")
    who = existing(ctx, username, "User")
    level = permission(ctx, found, who)
    return {
        "permission": _COARSE[level],
        "role_name": _ROLES.get(level or "", "none"),
        "user": _shown(ctx, found, who),
    }


@operation("GET /repos/{owner}/{repo}/invitations")
def invitations(ctx: Context, owner: str, repo: str) -> Any:
    """Who was invited and has not answered."""
    found = repository(ctx, owner, repo, needs="admin")
    return shown_page(ctx, ctx.list("invitation", repository=found.id), lambda one: _invitation(ctx, one))


@operation("PATCH /repos/{owner}/{repo}/invitations/{invitation_id}")
def change_invitation(ctx: Context, owner: str, repo: str, invitation_id: str) -> dict[str, Any]:
    """What somebody will be able to do."""
    held = _of(ctx, repository(ctx, owner, repo, needs="admin"), invitation_id)
    level = _LEVELS[ctx.body["permissions"]] if "permissions" in ctx.body else held["permission"]
    return _invitation(ctx, ctx.update(held, permission=level))


@operation("DELETE /repos/{owner}/{repo}/invitations/{invitation_id}")
def withdraw(ctx: Context, owner: str, repo: str, invitation_id: str) -> Response:
    """Take an invitation back."""
    ctx.delete(_of(ctx, repository(ctx, owner, repo, needs="admin"), invitation_id))
    return Response(204)


@operation("GET /user/repository_invitations")
def my_invitations(ctx: Context) -> Any:
    """What the caller was invited to."""
    return shown_page(ctx, ctx.list("invitation", invitee=needed(ctx).id), lambda one: _invitation(ctx, one))


@operation("PATCH /user/repository_invitations/{invitation_id}")
def accept(ctx: Context, invitation_id: str) -> Response:
    """Accept one."""
    held = _mine(ctx, invitation_id)
    key = f"{held['repository']}/{held['invitee']}"
    ctx.create("collaborator", key, repository=held["repository"], login=held["invitee"], permission=held["permission"])
    ctx.delete(held)
    changes = {"permission": {"to": _ROLES[held["permission"]]}, "role_name": {"to": _ROLES[held["permission"]]}}
    _tell(ctx, ctx.get("repository", held["repository"]), "added", needed(ctx), changes)
    return Response(204)


@operation("DELETE /user/repository_invitations/{invitation_id}")
def decline(ctx: Context, invitation_id: str) -> Response:
    """Decline one."""
    ctx.delete(_mine(ctx, invitation_id))
    return Response(204)


def _tell(ctx: Context, found: Entity, action: str, who: Entity, changes: dict[str, Any]) -> None:
    more = {"changes": changes} if changes else {}
    told(ctx, found, "member", action, {"member": who["login"]}, lambda: {"member": simple(who), **more})


def _all(ctx: Context, found: Entity, affiliation: str) -> list[Entity]:
    owner = owner_of(ctx, found)
    invited = [one["login"] for one in ctx.list("collaborator", newest_first=False, repository=found.id)]
    inside = [one["member"] for one in members(ctx, owner)] if owner["type"] == "Organization" else [owner.id]
    names = {"all": [*inside, *invited], "direct": invited, "outside": [one for one in invited if one not in inside]}[
        affiliation
    ]
    return [one for login in dict.fromkeys(names) if (one := account(ctx, login)) is not None]


def _shown(ctx: Context, found: Entity, who: Entity) -> dict[str, Any]:
    level = permission(ctx, found, who)
    return {
        **(simple(who) or {}),
        "permissions": permissions(ctx, found, who),
        "role_name": _ROLES.get(level or "", "none"),
    }


def _of(ctx: Context, found: Entity, invitation_id: str) -> Entity:
    held = ctx.find("invitation", invitation_id)
    if held is None or held["repository"] != found.id:
        raise not_found()
    return held


def _mine(ctx: Context, invitation_id: str) -> Entity:
    held = ctx.find("invitation", invitation_id)
    if held is None or held["invitee"] != needed(ctx).id:
        raise not_found()
    return held


def _invitation(ctx: Context, held: Entity) -> dict[str, Any]:
    found = ctx.get("repository", held["repository"])
    return {
        "id": int(held.id), "node_id": node_id("RI", int(held.id)), "repository": listed(ctx, found),
        "invitee": simple(account(ctx, held["invitee"])), "inviter": simple(account(ctx, held["inviter"])),
        "permissions": _ROLES[held["permission"]], "created_at": held["created_at"], "expired": False,
        "url": f"{API}/user/repository_invitations/{held.id}", "html_url": f"{WEB}/{found['full_name']}/invitations",
    }  # fmt: skip
