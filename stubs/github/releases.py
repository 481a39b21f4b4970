"""Releases: a tag with words and files."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, git, operation

from . import pull_git, release_shapes
from .activity import told
from .pushes import pushed
from .release_notes import notes
from .subjects import gid, invalid, may, me, need, not_found, open_for_writing, repository

TAGS = "refs/tags/"


@operation("GET /repos/{owner}/{repo}/releases")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """Releases, the newest first; drafts only for those who may push."""
    place = repository(ctx, owner, repo)
    drafts = may(ctx, place, "push")
    found = [one for one in ctx.list("release", repo=place["id"]) if drafts or not one["draft"]]
    return [release_shapes.release(ctx, place, one) for one in ctx.page(found)]


@operation("POST /repos/{owner}/{repo}/releases")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """A release. Its tag is made where there is none, unless it is a draft."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    body = ctx.body
    tag, draft = _tag(ctx, place, body["tag_name"]), bool(body.get("draft"))
    target = body.get("target_commitish") or place["default_branch"]
    name, text = body.get("name"), body.get("body")
    if body.get("generate_release_notes"):
        made = notes(ctx, place, tag, target)
        name, text = name or made["name"], "\n\n".join(filter(None, (text, made["body"])))
    if not draft:
        _tagged(ctx, place, tag, target)
    number = gid(ctx, "release")
    release = ctx.create(
        "release", str(number), repo=place["id"], tag=tag, target=target, name=name, body=text, draft=draft,
        prerelease=bool(body.get("prerelease")), author=me(ctx), created_at=ctx.now(), latest=body.get("make_latest", "true"),
        published_at=None if draft else ctx.now(), reactions={},
    )  # fmt: skip
    if not draft:
        _published(ctx, place, release)
    return Response(201, release_shapes.release(ctx, place, release))


@operation("GET /repos/{owner}/{repo}/releases/latest")
def latest(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """The newest one that is neither a draft nor a preview."""
    place = repository(ctx, owner, repo)
    found = [one for one in ctx.list("release", repo=place["id"]) if not one["draft"] and not one["prerelease"]]
    chosen = [one for one in found if one["latest"] != "false"] or found
    if not chosen:
        raise not_found()
    return release_shapes.release(ctx, place, max(chosen, key=lambda one: one["published_at"]))


@operation("GET /repos/{owner}/{repo}/releases/tags/{tag}")
def by_tag(ctx: Context, owner: str, repo: str, tag: str) -> dict[str, Any]:
    """The published release of a tag."""
    place = repository(ctx, owner, repo)
    found = ctx.list("release", repo=place["id"], tag=tag, draft=False, limit=1)
    if not found:
        raise not_found()
    return release_shapes.release(ctx, place, found[0])


@operation("GET /repos/{owner}/{repo}/releases/{release_id}")
def retrieve(ctx: Context, owner: str, repo: str, release_id: str) -> dict[str, Any]:
    """One release."""
    place = repository(ctx, owner, repo)
    return release_shapes.release(ctx, place, release_of(ctx, place, release_id))


@operation("PATCH /repos/{owner}/{repo}/releases/{release_id}")
def update(ctx: Context, owner: str, repo: str, release_id: str) -> dict[str, Any]:
    """Other words, another tag; a draft is published."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    release, body = release_of(ctx, place, release_id), ctx.body
    names = {
        "name": "name",
        "body": "body",
        "prerelease": "prerelease",
        "target_commitish": "target",
        "make_latest": "latest",
    }
    fields = {mine: body[theirs] for theirs, mine in names.items() if theirs in body}
    if "tag_name" in body and body["tag_name"] != release["tag"]:
        fields["tag"] = _tag(ctx, place, body["tag_name"])
    before = {name: {"from": release[name] or ""} for name in ("name", "body") if name in fields}
    changed = ctx.update(release, **fields)
    if body.get("draft") is False and release["draft"]:
        _tagged(ctx, place, changed["tag"], changed["target"])
        changed = ctx.update(changed, draft=False, published_at=ctx.now())
        _published(ctx, place, changed)
    else:
        _told(ctx, place, changed, "edited", changes=before)
    return release_shapes.release(ctx, place, changed)


@operation("DELETE /repos/{owner}/{repo}/releases/{release_id}")
def delete(ctx: Context, owner: str, repo: str, release_id: str) -> Response:
    """Away with it and its files; the tag stays."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    release = release_of(ctx, place, release_id)
    _told(ctx, place, release, "deleted")
    for asset in ctx.list("asset", release=int(release["id"])):
        ctx.delete(asset)
    ctx.delete(release)
    return Response(204)


@operation("POST /repos/{owner}/{repo}/releases/generate-notes")
def generate(ctx: Context, owner: str, repo: str) -> Mapping[str, Any]:
    """What a release's notes would be."""
    place = repository(ctx, owner, repo)
    need(ctx, place, "push")
    body = ctx.body
    return notes(
        ctx,
        place,
        body["tag_name"],
        body.get("target_commitish") or place["default_branch"],
        body.get("previous_tag_name"),
    )


def release_of(ctx: Context, repo: Entity, release_id: str) -> Entity:
    """A release of this repository; else, and for drafts of others, 404."""
    found = ctx.find("release", release_id)
    if found is None or found["repo"] != repo["id"] or (found["draft"] and not may(ctx, repo, "push")):
        raise not_found()
    return found


def _tag(ctx: Context, repo: Entity, tag: str) -> str:
    if not tag.strip():
        raise invalid("Release", "tag_name", "missing_field")
    if ctx.list("release", repo=repo["id"], tag=tag, draft=False, limit=1):
        raise invalid("Release", "tag_name", "already_exists")
    return tag


def _tagged(ctx: Context, repo: Entity, tag: str, target: str) -> None:
    """Make the tag where there is none. 422 where there is nothing to put it on."""
    place = pull_git.of(ctx, repo)
    if place.ref(f"{TAGS}{tag}") is not None:
        return
    sha = place.resolve(target)
    if sha is None:
        if not place.refs:
            raise invalid("Release", None, "custom", "Repository is empty.")
        raise invalid("Release", "target_commitish", "invalid")
    try:
        made = place.set_ref(f"{TAGS}{tag}", sha)
    except git.GitError:
        raise invalid("Release", "tag_name", "custom", "tag_name is not a valid tag") from None
    pushed(ctx, repo, [made])


def _published(ctx: Context, repo: Entity, release: Entity) -> None:
    _told(ctx, repo, release, "published")
    _told(ctx, repo, release, "prereleased" if release["prerelease"] else "released")


def _told(ctx: Context, repo: Entity, release: Entity, action: str, **more: Any) -> None:
    subject = {"tag_name": release["tag"], "name": release["name"] or release["tag"]}

    def payload() -> dict[str, Any]:
        return {"release": release_shapes.release(ctx, repo, release), **more}

    told(ctx, repo, "release", action, subject, payload, listed={"release": release["id"]})
