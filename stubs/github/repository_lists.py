"""Lists of repositories: the caller's, a user's, an organization's, everybody's."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .accounts import existing, needed, viewer
from .paging import shown_page
from .repositories import permission, repository, visible
from .repository_views import listed
from .wording import validation_failed

_SORTS = {"created": "created_at", "updated": "updated_at", "pushed": "pushed_at", "full_name": "full_name"}


@operation("GET /user/repos")
def mine(ctx: Context) -> Any:
    """Those that the caller owns, was invited to or has by an organization."""
    caller = needed(ctx)
    if "type" in ctx.query and ctx.query.keys() & {"visibility", "affiliation"}:
        raise validation_failed("If you specify visibility or affiliation, you cannot specify type.")
    wanted = {
        part.strip() for part in ctx.query.get("affiliation", "owner,collaborator,organization_member").split(",")
    }
    kind = ctx.query.get("type", "all")
    if kind in {"owner", "member"}:
        wanted = {"owner"} if kind == "owner" else {"collaborator", "organization_member"}
    seen = ctx.query.get("visibility", kind if kind in {"public", "private"} else "all")
    found = [repo for repo in ctx.list("repository", newest_first=False) if _affiliation(ctx, repo, caller) in wanted]
    return _page(ctx, [repo for repo in found if seen in {"all", repo["visibility"]}])


@operation("GET /users/{username}/repos")
def of_user(ctx: Context, username: str) -> Any:
    """Those of somebody that the caller may see."""
    owner = existing(ctx, username)
    caller, kind = viewer(ctx), ctx.query.get("type", "owner")
    every = ctx.list("repository", newest_first=False)
    own = [repo for repo in every if repo["_owner"] == owner.id and kind != "member"]
    other = [repo for repo in every if _affiliation(ctx, repo, owner) not in {"", "owner"} and kind != "owner"]
    return _page(ctx, [repo for repo in (*own, *other) if visible(ctx, repo, caller)])


@operation("GET /orgs/{org}/repos")
def of_org(ctx: Context, org: str) -> Any:
    """Those of an organization that the caller may see, the newest first."""
    owner, caller = existing(ctx, org, "Organization"), viewer(ctx)
    kind = ctx.query.get("type", "all")
    tests: dict[str, Any] = {
        "all": lambda _: True, "public": lambda repo: not repo["private"], "private": lambda repo: repo["private"],
        "forks": lambda repo: repo["fork"], "sources": lambda repo: not repo["fork"],
        "member": lambda repo: caller is not None and _affiliation(ctx, repo, caller) != "",
    }  # fmt: skip
    fits = tests[kind]
    found = [repo for repo in ctx.list("repository", _owner=owner.id) if visible(ctx, repo, caller) and fits(repo)]
    return _page(ctx, found, default="created")


@operation("GET /repositories")
def everybodys(ctx: Context) -> Any:
    """Public repositories in the order of their numbers, after `since`."""
    since = ctx.query.get("since", 0)
    found = [repo for repo in ctx.list("repository", newest_first=False) if not repo["private"] and repo["id"] > since]
    return [listed(ctx, repo) for repo in found[:100]]


@operation("GET /repos/{owner}/{repo}/forks")
def forks(ctx: Context, owner: str, repo: str) -> Any:
    """A repository's forks."""
    found, caller = repository(ctx, owner, repo), viewer(ctx)
    made = [one for one in ctx.list("repository", _parent=found.id) if visible(ctx, one, caller)]
    order = ctx.query.get("sort", "newest")
    if order in {"stargazers", "watchers"}:
        made.sort(key=lambda one: -one["stargazers_count"])
    elif order == "oldest":
        made.reverse()
    return shown_page(ctx, made, lambda one: listed(ctx, one))


def _affiliation(ctx: Context, repo: Entity, who: Entity) -> str:
    """How somebody comes to a repository; "" for not at all but as anybody does."""
    if repo["_owner"] == who.id:
        return "owner"
    if ctx.find("collaborator", f"{repo.id}/{who.id}") is not None:
        return "collaborator"
    member = ctx.find("membership", f"{repo['_owner']}/{who.id}")
    belongs = member is not None and member["state"] == "active"
    return "organization_member" if belongs and permission(ctx, repo, who) is not None else ""


def _page(ctx: Context, found: list[Entity], default: str = "full_name") -> Any:
    """A page of repositories in the order that the query asks for."""
    by = ctx.query.get("sort", default)
    down = ctx.query.get("direction", "asc" if by == "full_name" else "desc") == "desc"
    # The list is in the order of creation, so of those made in one second the later one is the newer.
    ordered = sorted(sorted(found, key=lambda repo: repo["id"]), key=lambda repo: repo[_SORTS[by]].lower())
    shown = ordered[::-1] if down else ordered
    return shown_page(ctx, shown, lambda repo: listed(ctx, repo))
