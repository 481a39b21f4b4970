"""Releases and their files as GitHub shows them."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from .issue_shapes import rollup
from .naming import API
from .subjects import api, node_id, user, web

UPLOADS = API.replace("//api.", "//uploads.")


def release(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A release with its files."""
    number, tag = int(found["id"]), found["tag"]
    url = f"{api(repo)}/releases/{number}"
    made: dict[str, Any] = {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{UPLOADS}/repos/{repo['full_name']}/releases/{number}/assets{{?name,label}}",
        "html_url": f"{web(repo)}/releases/tag/{tag}",
        "id": number,
        "node_id": node_id("RE", repo["id"], number),
        "author": user(ctx, found["author"]),
        "tag_name": tag,
        "target_commitish": found["target"],
        "name": found["name"],
        "draft": found["draft"],
        "immutable": False,
        "prerelease": found["prerelease"],
        "created_at": found["created_at"],
        "published_at": found["published_at"],
        "assets": [asset(ctx, repo, one) for one in ctx.list("asset", newest_first=False, release=number)],
        "tarball_url": f"{api(repo)}/tarball/{tag}",
        "zipball_url": f"{api(repo)}/zipball/{tag}",
        "body": found["body"],
    }
    return {**made, "reactions": rollup(found["reactions"], url)} if found["reactions"] else made


def asset(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A file of a release."""
    number = int(found["id"])
    return {
        "url": f"{api(repo)}/releases/assets/{number}",
        "id": number,
        "node_id": node_id("RA", repo["id"], number),
        "name": found["name"],
        "label": found["label"],
        "uploader": user(ctx, found["uploader"]),
        "content_type": found["content_type"],
        "state": "uploaded",
        "size": found["size"],
        "digest": f"sha256:{found['sha256']}",
        "download_count": found["downloads"],
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "browser_download_url": f"{web(repo)}/releases/download/{found['tag']}/{found['name']}",
    }
