"""Commits and annotated tags as git has them. https://docs.github.com/rest/git/commits, …/git/tags."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, git, operation

from .git_places import object_node, place_of, refusals, repo_url, verification, web_url, who
from .repositories import repository
from .wording import not_found

_SHA = re.compile(r"[0-9a-f]{40}")


@operation("POST /repos/{owner}/{repo}/git/commits")
def create_commit(ctx: Context, owner: str, repo: str) -> Response:
    """A commit of a tree, on top of its parents; no branch is at it yet."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    body = ctx.body
    if not _SHA.fullmatch(body["tree"]):
        raise Refusal(422, None, "The tree parameter must be exactly 40 characters and contain only [0-9a-f].")
    if place.kind(body["tree"]) != "tree":
        raise Refusal(422, None, "Tree SHA does not exist")
    parents = body.get("parents", [])
    for parent in parents:
        if place.kind(parent) != "commit":
            raise Refusal(422, None, "Parent SHA does not exist or is not a commit object")
    author = who(ctx, body.get("author"))
    committer = who(ctx, body.get("committer"), author)
    with refusals():
        sha = place.write_commit(
            body["tree"], parents, author, body["message"], committer=committer, signature=body.get("signature", "")
        )
    shown = commit(found, place.commit(sha))
    return Response(201, shown, {"Location": shown["url"]})


@operation("GET /repos/{owner}/{repo}/git/commits/{commit_sha}")
def get_commit(ctx: Context, owner: str, repo: str, commit_sha: str) -> dict[str, Any]:
    """A commit by its id."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    if place.kind(commit_sha) != "commit":
        raise not_found()
    return commit(found, place.commit(commit_sha))


@operation("POST /repos/{owner}/{repo}/git/tags")
def create_tag(ctx: Context, owner: str, repo: str) -> Response:
    """An annotated tag; no ref is at it yet."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    body = ctx.body
    if place.kind(body["object"]) != body["type"]:
        raise Refusal(422, None, "Could not verify object")
    with refusals():
        sha = place.write_tag(body["object"], body["tag"], who(ctx, body.get("tagger")), body["message"])
    shown = tag(found, place.tag(sha))
    return Response(201, shown, {"Location": shown["url"]})


@operation("GET /repos/{owner}/{repo}/git/tags/{tag_sha}")
def get_tag(ctx: Context, owner: str, repo: str, tag_sha: str) -> dict[str, Any]:
    """An annotated tag by its id."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    if place.kind(tag_sha) != "tag":
        raise not_found()
    return tag(found, place.tag(tag_sha))


def commit(found: Entity, one: git.Commit) -> dict[str, Any]:
    """A commit as git data has it: the document's `git-commit`."""
    url, web = f"{repo_url(found)}/git", web_url(found)
    return {
        "sha": one.sha,
        "node_id": object_node("C", found, one.sha),
        "url": f"{url}/commits/{one.sha}",
        "html_url": f"{web}/commit/{one.sha}",
        "author": signed(one.author),
        "committer": signed(one.committer),
        "tree": {"sha": one.tree, "url": f"{url}/trees/{one.tree}"},
        "message": one.message.rstrip("\n"),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{web}/commit/{sha}"} for sha in one.parents
        ],
        "verification": verification(one.signature),
    }


def tag(found: Entity, one: git.Tag) -> dict[str, Any]:
    """A tag as git data has it: the document's `git-tag`."""
    url = f"{repo_url(found)}/git"
    return {
        "sha": one.sha,
        "node_id": object_node("TA", found, one.sha),
        "url": f"{url}/tags/{one.sha}",
        "tag": one.name,
        "message": one.message.rstrip("\n"),
        "tagger": signed(one.tagger),
        "object": {"sha": one.object, "type": one.kind, "url": f"{url}/{one.kind}s/{one.object}"},
        "verification": verification(""),
    }


def signed(by: git.Identity) -> dict[str, Any]:
    """Who did something, and when."""
    return {"name": by.name, "email": by.email, "date": by.date()}
