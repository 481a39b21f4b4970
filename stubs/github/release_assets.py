"""The files of releases: uploaded at uploads.github.com, downloaded by whoever may read the repository."""

import hashlib
import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, Upload, operation

from . import release_shapes
from .releases import release_of
from .subjects import gid, invalid, me, need, not_found, open_for_writing, repository

_ODD = re.compile(r"[^\w.+@-]+")  # GitHub writes a dot for these


@operation("GET /repos/{owner}/{repo}/releases/{release_id}/assets")
def listed(ctx: Context, owner: str, repo: str, release_id: str) -> list[dict[str, Any]]:
    """The files of a release."""
    place = repository(ctx, owner, repo)
    release = release_of(ctx, place, release_id)
    found = ctx.list("asset", newest_first=False, release=int(release["id"]))
    return [release_shapes.asset(ctx, place, one) for one in ctx.page(found)]


@operation("POST /repos/{owner}/{repo}/releases/{release_id}/assets")
def upload(ctx: Context, owner: str, repo: str, release_id: str) -> Response:
    """The body is the file; its name is in the query."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    need(ctx, place, "push")
    release = release_of(ctx, place, release_id)
    name = _ODD.sub(".", ctx.query.get("name") or "")
    data, media = ctx.call.body, ctx.header("content-type") or "application/octet-stream"
    if not name:
        raise invalid("ReleaseAsset", "name", "missing_field")
    if not data:
        raise Refusal(400, None, "Bad Content-Length: the body is empty")
    if ctx.list("asset", release=int(release["id"]), name=name, limit=1):
        raise invalid("ReleaseAsset", "name", "already_exists")
    number = gid(ctx, "asset")
    made = ctx.create(
        "asset", str(number), repo=place["id"], release=int(release["id"]), tag=release["tag"], name=name,
        label=ctx.query.get("label") or "", uploader=me(ctx), content_type=media, size=len(data),
        sha256=hashlib.sha256(data).hexdigest(), downloads=0, created_at=ctx.now(), updated_at=ctx.now(),
    )  # fmt: skip
    ctx.attach(made, Upload("", name, media, data))
    return Response(201, release_shapes.asset(ctx, place, made))


@operation("GET /repos/{owner}/{repo}/releases/assets/{asset_id}")
def retrieve(ctx: Context, owner: str, repo: str, asset_id: str) -> Any:
    """What is known of a file; the file itself, where the Accept header asks for `application/octet-stream`."""
    place = repository(ctx, owner, repo)
    asset = _get(ctx, place, asset_id)
    if "application/octet-stream" in (ctx.header("accept") or ""):
        return _download(ctx, asset)
    return release_shapes.asset(ctx, place, asset)


@operation("PATCH /repos/{owner}/{repo}/releases/assets/{asset_id}")
def update(ctx: Context, owner: str, repo: str, asset_id: str) -> dict[str, Any]:
    """Another name or label."""
    place = repository(ctx, owner, repo)
    need(ctx, place, "push")
    asset = _get(ctx, place, asset_id)
    fields = {name: ctx.body[name] for name in ("name", "label") if name in ctx.body}
    if "name" in fields and fields["name"] != asset["name"]:
        fields["name"] = _ODD.sub(".", fields["name"])
        if ctx.list("asset", release=asset["release"], name=fields["name"], limit=1):
            raise invalid("ReleaseAsset", "name", "already_exists")
    return release_shapes.asset(ctx, place, ctx.update(asset, **fields, updated_at=ctx.now()))


@operation("DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}")
def delete(ctx: Context, owner: str, repo: str, asset_id: str) -> Response:
    """Away with it."""
    place = repository(ctx, owner, repo)
    need(ctx, place, "push")
    ctx.delete(_get(ctx, place, asset_id))
    return Response(204)


@operation("GET /{owner}/{repo}/releases/download/{tag}/{name}")
def download(ctx: Context, owner: str, repo: str, tag: str, name: str) -> Response:
    """A file by its address on the web."""
    place = repository(ctx, owner, repo)
    found = ctx.list("asset", repo=place["id"], tag=tag, name=name, limit=1)
    if not found:
        raise not_found()
    return _download(ctx, found[0])


def _download(ctx: Context, asset: Entity) -> Response:
    ctx.update(asset, downloads=asset["downloads"] + 1)
    return ctx.download(asset)


def _get(ctx: Context, repo: Entity, asset_id: str) -> Entity:
    found = ctx.find("asset", asset_id)
    if found is None or found["repo"] != repo["id"]:
        raise not_found()
    return found
