"""Searches for repositories, users, issues and labels: https://docs.github.com/rest/search."""

from collections.abc import Callable, Sequence
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .accounts import account, simple, viewer
from .issue_shapes import issue as shown_issue
from .issue_shapes import label as shown_label
from .paging import shown_page
from .repositories import LEVELS, permission, visible
from .repository_views import listed
from .search_issues import QUALIFIERS as ISSUE_QUALIFIERS
from .search_issues import issue_fits
from .search_terms import Terms, no_such, ordered, terms, within
from .users import profile
from .wording import fault, not_found, validation_failed

MOST = 1000  # results of one search that can be had
_REPOSITORY = frozenset({"repo", "user", "org", "language", "topic", "is", "archived", "fork", "stars", "forks", "size", "created",
                         "pushed", "license", "in", "topics", "followers", "template"})  # fmt: skip
_USER = frozenset({"type", "user", "org", "in", "repos", "followers", "created", "location", "fullname"})


@operation("GET /search/repositories")
def repositories(ctx: Context) -> dict[str, Any]:
    """Words are looked for in name, description and topics; forks are found only where they are asked for."""
    asked = terms(ctx.query["q"], _REPOSITORY)
    found = [one for one in _visible(ctx, asked) if _repository_fits(ctx, asked, one)]
    keys = {"stars": lambda one: one["stargazers_count"], "forks": lambda one: one["forks_count"], "updated": lambda one: one["updated_at"],
            "help-wanted-issues": lambda one: one["open_issues_count"]}  # fmt: skip
    return results(
        ctx, ordered(found, ctx.query.get("sort"), ctx.query.get("order"), keys), lambda one: listed(ctx, one)
    )


@operation("GET /search/users")
def users(ctx: Context) -> dict[str, Any]:
    """Words are looked for in login, name and mail address."""
    asked = terms(ctx.query["q"], _USER)
    found = [one for one in ctx.list("account") if _user_fits(ctx, asked, one)]
    keys = {"joined": lambda one: one["created_at"], "followers": lambda one: len(ctx.list("follow", whom=one.id)),
            "repositories": lambda one: len(ctx.list("repository", _owner=one.id))}  # fmt: skip
    return results(
        ctx, ordered(found, ctx.query.get("sort"), ctx.query.get("order"), keys), lambda one: simple(one) or {}
    )


@operation("GET /search/issues")
def issues(ctx: Context) -> dict[str, Any]:
    """Issues and pull requests: words are looked for in title, body and comments."""
    asked = terms(ctx.query["q"], ISSUE_QUALIFIERS)
    places = {one["id"]: one for one in _visible(ctx, asked)}
    every = (one for one in ctx.list("issue") if one["repo"] in places)
    found = [one for one in every if issue_fits(ctx, asked, places[one["repo"]], one)]
    keys = {"created": lambda one: one["created_at"], "updated": lambda one: one["updated_at"], "comments": lambda one: one["comments"],
            "interactions": lambda one: one["comments"] + sum(one["reactions"].values()), "reactions": lambda one: sum(one["reactions"].values())}  # fmt: skip
    sorted_ = ordered(found, ctx.query.get("sort"), ctx.query.get("order"), keys)
    made = results(ctx, sorted_, lambda one: _found(shown_issue(ctx, places[one["repo"]], one)))
    return {**made, "search_type": "lexical"}


def _found(shown: dict[str, Any]) -> dict[str, Any]:
    """An issue as a search shows it: not who closed it, and a body only where there is one."""
    return {key: value for key, value in shown.items() if key != "closed_by" and (key != "body" or value is not None)}


@operation("GET /search/labels")
def labels(ctx: Context) -> dict[str, Any]:
    """Labels of one repository, by name and description."""
    asked, place = terms(ctx.query["q"], ()), ctx.find("repository", str(ctx.query["repository_id"]))
    if place is None or not visible(ctx, place, viewer(ctx)):
        raise not_found()
    found = [one for one in ctx.list("label", repo=place["id"]) if asked.said_in(one["name"], one["description"])]
    return results(ctx, found, lambda one: shown_label(place, one))


@operation("GET /search/topics")
def topics(ctx: Context) -> dict[str, Any]:
    """Topics that repositories have."""
    asked = terms(ctx.query["q"], {"is", "repositories", "created"})
    names = sorted({name for one in ctx.list("repository", private=False) for name in one["topics"]})
    now = ctx.now()
    return results(ctx, [name for name in names if asked.said_in(name)], lambda name: {
        "name": name, "display_name": None, "short_description": None, "description": None, "created_by": None, "released": None,
        "created_at": now, "updated_at": now, "featured": False, "curated": False,
    })  # fmt: skip


def results(ctx: Context, found: Sequence[Any], show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """A page of what was found, each with a score, of at most a thousand."""
    page, most = ctx.query.get("page", 1), min(max(ctx.query.get("per_page", 30), 1), 100)
    if (page - 1) * most >= MOST:
        raise validation_failed(fault("Search", "q", "invalid", "Only the first 1000 search results are available"))
    body = shown_page(ctx, list(found)[:MOST], lambda one: {**show(one), "score": 1.0}, "items")
    return {"total_count": len(found), "incomplete_results": False, "items": body["items"]}


def searched(ctx: Context, asked: Terms) -> list[Entity]:
    """The repositories that a search is about, of those that the caller may see. Raises 422 where it names none of these."""
    return _visible(ctx, asked)


def _visible(ctx: Context, asked: Terms) -> list[Entity]:
    caller = viewer(ctx)
    every = [one for one in ctx.list("repository") if visible(ctx, one, caller)]
    names, owners = asked.values("repo"), [*asked.values("user"), *asked.values("org")]
    if not names and not owners:
        return every
    owners = [(caller["_key"] if caller else "") if name == "@me" else name for name in owners]
    if any(name not in {one["full_name"].lower() for one in every} for name in names):
        raise no_such("repositories")
    if any(account(ctx, name) is None for name in owners):
        raise no_such("users")
    return [one for one in every if one["full_name"].lower() in names or one["_owner"] in owners]


def _repository_fits(ctx: Context, asked: Terms, one: Entity) -> bool:
    places = asked.values("in") or ["name", "description", "topics"]
    texts = {"name": one["name"], "description": one["description"], "topics": " ".join(one["topics"]), "readme": None}
    forks = asked.values("fork")
    if one["fork"] and not {"true", "only"} & {*forks}:
        return False
    level = permission(ctx, one, viewer(ctx))
    flags = {"public": not one["private"], "private": one["private"], "archived": one["archived"], "template": one["is_template"],
             "sponsorable": False, "fork": one["fork"]}  # fmt: skip
    tests: dict[str, Callable[[str], bool]] = {
        "repo": lambda _: True, "user": lambda _: True, "org": lambda _: True, "in": lambda _: True,
        "language": lambda value: (one["language"] or "").lower() == value, "topic": lambda value: value in one["topics"],
        "topics": lambda value: within(value, len(one["topics"])), "is": lambda value: bool(flags.get(value, False)),
        "archived": lambda value: one["archived"] is (value == "true"), "template": lambda value: one["is_template"] is (value == "true"),
        "fork": lambda value: one["fork"] if value == "only" else True, "stars": lambda value: within(value, one["stargazers_count"]),
        "forks": lambda value: within(value, one["forks_count"]), "size": lambda value: within(value, one["size"]),
        "created": lambda value: within(value, one["created_at"]), "pushed": lambda value: within(value, one["pushed_at"]),
        "license": lambda value: one["_license"] == value, "followers": lambda value: within(value, one["subscribers_count"]),
    }  # fmt: skip
    return (
        level in LEVELS
        and asked.fits(tests, any_of=("language", "license"))
        and asked.said_in(*(texts.get(place) for place in places))
    )


def _user_fits(ctx: Context, asked: Terms, one: Entity) -> bool:
    places = asked.values("in") or ["login", "name", "email"]
    counted = profile(ctx, one) if asked.qualifiers else {}
    tests: dict[str, Callable[[str], bool]] = {
        "type": lambda value: one["type"].lower().startswith(value), "user": lambda value: one.id == value, "org": lambda value: one.id == value,
        "in": lambda _: True, "repos": lambda value: within(value, counted["public_repos"]),
        "followers": lambda value: within(value, counted["followers"]), "created": lambda value: within(value, one["created_at"]),
        "location": lambda value: value in (one["location"] or "").lower(), "fullname": lambda value: value in (one["name"] or "").lower(),
    }  # fmt: skip
    return asked.fits(tests, any_of=("user", "org")) and asked.said_in(*(one.get(place) for place in places))
