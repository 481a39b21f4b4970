"""Who belongs to an organization: https://docs.github.com/rest/orgs/members."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import account, existing, needed, simple, viewer
from .activity import told_organization
from .naming import API, node_id
from .org_views import administrated, member, members, membership
from .orgs import join
from .paging import shown_page
from .wording import forbidden, not_found

PEOPLE = "User"


@operation("GET /orgs/{org}/members")
def list_members(ctx: Context, org: str) -> Any:
    """All for who is one of them; for others those who say so publicly."""
    found = existing(ctx, org, "Organization")
    role, inside = ctx.query.get("role", "all"), member(ctx, found, viewer(ctx)) is not None
    held = [one for one in members(ctx, found) if (inside or one["public"]) and role in {"all", one["role"]}]
    return shown_page(ctx, held, lambda one: simple(account(ctx, one["member"])))


@operation("GET /orgs/{org}/members/{username}")
def check_member(ctx: Context, org: str, username: str) -> Response:
    """204 for a member, 404 for nobody; who isn't a member is sent to ask for public membership."""
    found = existing(ctx, org, "Organization")
    if member(ctx, found, viewer(ctx)) is None:
        return Response(302, None, {"Location": f"https://api.github.com/orgs/{org}/public_members/{username}"})
    if member(ctx, found, account(ctx, username)) is None:
        raise not_found()
    return Response(204)


@operation("DELETE /orgs/{org}/members/{username}")
def remove_member(ctx: Context, org: str, username: str) -> Response:
    """By an owner; with the access that came with it."""
    return _leave(ctx, org, username)


@operation("GET /orgs/{org}/memberships/{username}")
def get_membership(ctx: Context, org: str, username: str) -> dict[str, Any]:
    """As what somebody belongs to an organization, also who was only invited."""
    found = existing(ctx, org, "Organization")
    if member(ctx, found, viewer(ctx)) is None:
        raise forbidden("You must be a member of this organization to see membership information for it.")
    return membership(ctx, _held(ctx, found, existing(ctx, username, PEOPLE)))


@operation("PUT /orgs/{org}/memberships/{username}")
def set_membership(ctx: Context, org: str, username: str) -> dict[str, Any]:
    """Invite somebody, who is `pending` until the invitation is accepted; or change a member's role."""
    found = existing(ctx, org, "Organization")
    administrated(ctx, found)
    who = existing(ctx, username, PEOPLE)
    role = ctx.body.get("role", "member")
    if role == "member":
        _keeps_an_owner(ctx, found, who)
    held = join(ctx, found, who, role, state="pending")
    if held["state"] == "pending":
        told_organization(
            ctx, found, "organization", "member_invited", {"member": who["login"]}, lambda: _invited(ctx, who, held)
        )
    else:
        ctx.emit("organization.member_changed", held)
    return membership(ctx, held)


@operation("DELETE /orgs/{org}/memberships/{username}")
def remove_membership(ctx: Context, org: str, username: str) -> Response:
    """End a membership, or take an invitation back."""
    return _leave(ctx, org, username)


@operation("GET /orgs/{org}/public_members")
def list_public(ctx: Context, org: str) -> Any:
    """Those who say so publicly."""
    found = existing(ctx, org, "Organization")
    return shown_page(
        ctx, [one for one in members(ctx, found) if one["public"]], lambda one: simple(account(ctx, one["member"]))
    )


@operation("GET /orgs/{org}/public_members/{username}")
def check_public(ctx: Context, org: str, username: str) -> Response:
    """204 for a member who says so publicly."""
    held = member(ctx, existing(ctx, org, "Organization"), account(ctx, username))
    if held is None or not held["public"]:
        raise not_found()
    return Response(204)


@operation("PUT /orgs/{org}/public_members/{username}")
def publicize(ctx: Context, org: str, username: str) -> Response:
    """Say so publicly: of oneself only."""
    return _said(ctx, org, username, public=True)


@operation("DELETE /orgs/{org}/public_members/{username}")
def conceal(ctx: Context, org: str, username: str) -> Response:
    """Don't say so any more."""
    return _said(ctx, org, username, public=False)


@operation("GET /user/memberships/orgs")
def my_memberships(ctx: Context) -> Any:
    """The caller's memberships."""
    held = ctx.list("membership", newest_first=False, member=needed(ctx).id)
    wanted = ctx.query.get("state")
    return shown_page(ctx, [one for one in held if wanted in {None, one["state"]}], lambda one: membership(ctx, one))


@operation("GET /user/memberships/orgs/{org}")
def my_membership(ctx: Context, org: str) -> dict[str, Any]:
    """One of them."""
    return membership(ctx, _held(ctx, existing(ctx, org, "Organization"), needed(ctx)))


@operation("PATCH /user/memberships/orgs/{org}")
def accept(ctx: Context, org: str) -> dict[str, Any]:
    """Accept an invitation."""
    held = _held(ctx, existing(ctx, org, "Organization"), needed(ctx))
    changed = ctx.update(held, state="active")
    if held["state"] == "pending":
        _tell(ctx, "member_added", changed)
    return membership(ctx, changed)


def _tell(ctx: Context, action: str, held: Entity) -> None:
    about, organization = {"member": held["member"]}, existing(ctx, held["organization"])
    told_organization(ctx, organization, "organization", action, about, lambda: {"membership": membership(ctx, held)})


def _invited(ctx: Context, who: Entity, held: Entity) -> dict[str, Any]:
    """An invitation as webhooks show it; its number is that of who is invited, since nobody is invited twice."""
    role = "admin" if held["role"] == "admin" else "direct_member"
    made = {
        "id": who["id"], "node_id": node_id("OI", who["id"]), "login": who["login"], "email": None, "role": role,
        "created_at": ctx.now(), "failed_at": None, "failed_reason": None, "inviter": simple(needed(ctx)), "team_count": 0,
        "invitation_teams_url": f"{API}/organizations/{existing(ctx, held['organization'])['id']}/invitations/{who['id']}/teams",
    }  # fmt: skip
    return {"invitation": made, "user": simple(who)}


def _held(ctx: Context, organization: Entity, who: Entity) -> Entity:
    held = ctx.find("membership", f"{organization.id}/{who.id}")
    if held is None:
        raise not_found()
    return held


def _leave(ctx: Context, org: str, username: str) -> Response:
    found, who = existing(ctx, org, "Organization"), existing(ctx, username, PEOPLE)
    if who.id != needed(ctx).id:
        administrated(ctx, found)
    held = _held(ctx, found, who)
    _keeps_an_owner(ctx, found, who)
    for team in ctx.list("team", _organization=found.id):
        place = ctx.find("team_member", f"{team.id}/{who.id}")
        if place is not None:
            ctx.delete(place)
    ctx.delete(held)
    _tell(ctx, "member_removed", held)
    return Response(204)


def _keeps_an_owner(ctx: Context, organization: Entity, who: Entity) -> None:
    """Raise 403 where an organization would be left without an owner."""
    owners = [one["member"] for one in members(ctx, organization) if one["role"] == "admin"]
    if owners == [who.id]:
        raise forbidden("You can't leave this organization: it would have no owner.")


def _said(ctx: Context, org: str, username: str, *, public: bool) -> Response:
    found, caller = existing(ctx, org, "Organization"), needed(ctx)
    who = existing(ctx, username, PEOPLE)
    held = member(ctx, found, who)
    if held is None:
        raise not_found()
    if who.id != caller.id:
        raise forbidden("You may only change your own public membership.")
    ctx.update(held, public=public)
    return Response(204)
