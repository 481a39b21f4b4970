"""Organizations: found, listed, changed."""

from typing import Any

from childproof.stubkit import Context, Entity, finds, operation, people, plants

from .accounts import FIRST_PEOPLE, account, existing, needed, open_account, open_person, viewer
from .org_views import PROFILE, SETTINGS, administrated, full, listed, member
from .paging import shown_page
from .repository_making import create
from .repository_starting import start
from .wording import forbidden

ORGANIZATION = "octo-org"  # the one of a fresh world
REPOSITORY = "hello-world"


@finds("/orgs/{org}")
def find(ctx: Context, org: str) -> Entity:
    """The organization of an operation that has no code of its own; what isn't read is for its owners."""
    found = existing(ctx, org, "Organization")
    if ctx.call.method not in {"GET", "HEAD"}:
        administrated(ctx, found)
    return found


@operation("GET /orgs/{org}")
def get(ctx: Context, org: str) -> dict[str, Any]:
    """In full."""
    return full(ctx, existing(ctx, org, "Organization"))


@operation("PATCH /orgs/{org}")
def change(ctx: Context, org: str) -> dict[str, Any]:
    """Profile and settings, by an owner."""
    found = existing(ctx, org, "Organization")
    administrated(ctx, found)
    changes = {name: ctx.body[name] for name in (*PROFILE, *SETTINGS) if name in ctx.body}
    return full(ctx, ctx.update(found, **changes, updated_at=ctx.now()))


@operation("DELETE /orgs/{org}")
def delete(ctx: Context, org: str) -> Any:
    """Not by a token of the site's own people: it would take everything along."""
    administrated(ctx, existing(ctx, org, "Organization"))
    raise forbidden("Resource not accessible by personal access token")


@operation("GET /organizations")
def every(ctx: Context) -> Any:
    """All in the order of their numbers, after `since`."""
    since, most = ctx.query.get("since", 0), min(max(ctx.query.get("per_page", 30), 1), 100)
    found = [one for one in ctx.list("account", newest_first=False, type="Organization") if one["id"] > since]
    return [listed(one) for one in found[:most]]


@operation("GET /user/orgs")
def mine(ctx: Context) -> Any:
    """Those that the caller belongs to."""
    return shown_page(ctx, _of(ctx, needed(ctx)), listed)


@operation("GET /users/{username}/orgs")
def of_user(ctx: Context, username: str) -> Any:
    """Those that somebody belongs to, as far as others know: memberships that are public, or in one's own organization."""
    who, caller = existing(ctx, username, "User"), viewer(ctx)
    found = [one for one in _of(ctx, who) if _shows(ctx, one, who, caller)]
    return shown_page(ctx, found, listed)


def _of(ctx: Context, who: Entity) -> list[Entity]:
    held = ctx.list("membership", newest_first=False, member=who.id, state="active")
    return [one for place in held if (one := account(ctx, place["organization"])) is not None]


def _shows(ctx: Context, organization: Entity, who: Entity, caller: Entity | None) -> bool:
    held = member(ctx, organization, who)
    return (held is not None and held["public"]) or member(ctx, organization, caller) is not None


def open_organization(ctx: Context, login: str, name: str, owner: Entity) -> Entity:
    """An organization with its first owner."""
    made = open_account(ctx, login, "Organization", name=name, **SETTINGS)
    join(ctx, made, owner, "admin")
    return made


def join(ctx: Context, organization: Entity, who: Entity, role: str, state: str = "active") -> Entity:
    """Make somebody a member, or change as what somebody is one."""
    key = f"{organization.id}/{who.id}"
    held = ctx.find("membership", key)
    if held is not None:
        return ctx.update(held, role=role)
    return ctx.create(
        "membership", key, organization=organization.id, member=who.id, role=role, state=state, public=False
    )


@plants("2 organization")
def plant(ctx: Context) -> None:
    """A fresh world has one organization: its first person owns it, the others of the first people are members."""
    owner, *others = [open_person(ctx, person) for person in people(ctx).first(FIRST_PEOPLE)]
    made = open_organization(ctx, ORGANIZATION, "Octo Org", owner)
    for one in others:
        join(ctx, made, one, "member")
    repository = create(ctx, made, {"name": REPOSITORY, "description": "My first repository on GitHub!"})
    start(ctx, repository, owner)
