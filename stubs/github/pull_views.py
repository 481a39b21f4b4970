"""What is in a pull request: its commits, its files, whether it was merged."""

from typing import Any

from childproof.stubkit import Context, Response, operation

from . import pull_git
from .pull_records import find_pull
from .subjects import not_found, repository

MOST_COMMITS, MOST_FILES = 250, 3000  # what GitHub lists of them


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/commits")
def commits(ctx: Context, owner: str, repo: str, pull_number: str) -> list[dict[str, Any]]:
    """Its commits, the oldest first."""
    place = repository(ctx, owner, repo)
    _, pull = find_pull(ctx, place, pull_number)
    found = pull_git.commits(ctx, place, pull["base_sha"], pull["head_sha"])
    return [pull_git.shown(ctx, place, commit) for commit in ctx.page(found[:MOST_COMMITS])]


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/files")
def files(ctx: Context, owner: str, repo: str, pull_number: str) -> Any:
    """The files that it changes, each with its patch."""
    place = repository(ctx, owner, repo)
    _, pull = find_pull(ctx, place, pull_number)
    return ctx.page(pull_git.files(ctx, place, pull)[:MOST_FILES])


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}/merge")
def merged(ctx: Context, owner: str, repo: str, pull_number: str) -> Response:
    """Whether it was merged: 204 or 404."""
    place = repository(ctx, owner, repo)
    _, pull = find_pull(ctx, place, pull_number)
    if not pull["merged"]:
        raise not_found()
    return Response(204)
