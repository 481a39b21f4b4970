"""Stars, watching and following: https://docs.github.com/rest/activity."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import account, existing, needed, simple, viewer
from .activity import told
from .media import accepts
from .naming import API
from .paging import shown_page
from .repositories import repository, visible
from .repository_views import listed
from .wording import not_found

STAR = "application/vnd.github.v3.star+json"


@operation("PUT /user/starred/{owner}/{repo}")
def star(ctx: Context, owner: str, repo: str) -> Response:
    """Star a repository; once is enough."""
    found, caller = repository(ctx, owner, repo), needed(ctx)
    if ctx.find("star", f"{found.id}/{caller.id}") is None:
        ctx.create("star", f"{found.id}/{caller.id}", repository=found.id, login=caller.id, starred_at=ctx.now())
        changed = ctx.update(found, stargazers_count=found["stargazers_count"] + 1)
        about = {"full_name": found["full_name"]}
        told(ctx, changed, "star", "created", about, lambda: {"starred_at": ctx.now()})
    return Response(204)


@operation("DELETE /user/starred/{owner}/{repo}")
def unstar(ctx: Context, owner: str, repo: str) -> Response:
    """Take the star away."""
    found, caller = repository(ctx, owner, repo), needed(ctx)
    held = ctx.find("star", f"{found.id}/{caller.id}")
    if held is not None:
        ctx.delete(held)
        ctx.update(found, stargazers_count=found["stargazers_count"] - 1)
    return Response(204)


@operation("GET /user/starred/{owner}/{repo}")
def starred(ctx: Context, owner: str, repo: str) -> Response:
    """204 for one that the caller has starred."""
    if ctx.find("star", f"{repository(ctx, owner, repo).id}/{needed(ctx).id}") is None:
        raise not_found()
    return Response(204)


@operation("GET /user/starred")
def my_stars(ctx: Context) -> Any:
    """What the caller has starred."""
    return _starred(ctx, needed(ctx))


@operation("GET /users/{username}/starred")
def stars_of(ctx: Context, username: str) -> Any:
    """What somebody has starred."""
    return _starred(ctx, existing(ctx, username))


@operation("GET /repos/{owner}/{repo}/stargazers")
def stargazers(ctx: Context, owner: str, repo: str) -> Any:
    """Who has starred a repository; when, for who accepts that media type."""
    held = ctx.list("star", newest_first=False, repository=repository(ctx, owner, repo).id)
    if accepts(ctx, "star"):
        return shown_page(
            ctx, held, lambda one: {"starred_at": one["starred_at"], "user": simple(account(ctx, one["login"]))}
        )
    return shown_page(ctx, held, lambda one: simple(account(ctx, one["login"])))


@operation("GET /repos/{owner}/{repo}/subscribers")
def subscribers(ctx: Context, owner: str, repo: str) -> Any:
    """Who watches a repository."""
    held = ctx.list("watch", newest_first=False, repository=repository(ctx, owner, repo).id, ignored=False)
    return shown_page(ctx, held, lambda one: simple(account(ctx, one["login"])))


@operation("GET /repos/{owner}/{repo}/subscription")
def subscription(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """Whether the caller watches it; 404 for who doesn't."""
    found = repository(ctx, owner, repo)
    held = ctx.find("watch", f"{found.id}/{needed(ctx).id}")
    if held is None:
        raise not_found()
    return _watched(found, held)


@operation("PUT /repos/{owner}/{repo}/subscription")
def watch(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """Watch it, or ignore what happens there."""
    found, caller = repository(ctx, owner, repo), needed(ctx)
    ignored, key = bool(ctx.body.get("ignored", False)), f"{found.id}/{caller.id}"
    held = ctx.find("watch", key)
    if held is None:
        held = ctx.create("watch", key, repository=found.id, login=caller.id, ignored=ignored, created_at=ctx.now())
    else:
        held = ctx.update(held, ignored=ignored)
    _count_watchers(ctx, found)
    return _watched(found, held)


@operation("DELETE /repos/{owner}/{repo}/subscription")
def unwatch(ctx: Context, owner: str, repo: str) -> Response:
    """Watch it no more."""
    found = repository(ctx, owner, repo)
    held = ctx.find("watch", f"{found.id}/{needed(ctx).id}")
    if held is not None:
        ctx.delete(held)
        _count_watchers(ctx, found)
    return Response(204)


@operation("GET /user/subscriptions")
def my_subscriptions(ctx: Context) -> Any:
    """What the caller watches."""
    return _watching(ctx, needed(ctx))


@operation("GET /users/{username}/subscriptions")
def subscriptions_of(ctx: Context, username: str) -> Any:
    """What somebody watches."""
    return _watching(ctx, existing(ctx, username))


def _starred(ctx: Context, who: Entity) -> Any:
    caller = viewer(ctx)
    held = ctx.list("star", newest_first=ctx.query.get("direction", "desc") == "desc", login=who.id)
    found = [
        (one, repo)
        for one in held
        if (repo := ctx.find("repository", one["repository"])) and visible(ctx, repo, caller)
    ]
    if accepts(ctx, "star"):
        return shown_page(ctx, found, lambda pair: {"starred_at": pair[0]["starred_at"], "repo": listed(ctx, pair[1])})
    return shown_page(ctx, found, lambda pair: listed(ctx, pair[1]))


def _watching(ctx: Context, who: Entity) -> Any:
    caller = viewer(ctx)
    held = ctx.list("watch", newest_first=False, login=who.id, ignored=False)
    found = [repo for one in held if (repo := ctx.find("repository", one["repository"])) and visible(ctx, repo, caller)]
    return shown_page(ctx, found, lambda repo: listed(ctx, repo))


def _count_watchers(ctx: Context, found: Entity) -> None:
    ctx.update(found, subscribers_count=len(ctx.list("watch", repository=found.id, ignored=False)))


def _watched(found: Entity, held: Entity) -> dict[str, Any]:
    url = f"{API}/repos/{found['full_name']}"
    return {
        "subscribed": not held["ignored"], "ignored": held["ignored"], "reason": None, "created_at": held["created_at"],
        "url": f"{url}/subscription", "repository_url": url,
    }  # fmt: skip
