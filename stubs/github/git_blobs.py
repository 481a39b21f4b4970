"""Blobs and trees: what files hold, and how they stand together. https://docs.github.com/rest/git."""

import base64
import binascii
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, git, operation

from .git_places import object_node, place_of, readable, refusals, repo_url
from .media import accepts
from .repositories import repository
from .wording import not_found

LARGEST = 100 * 1024 * 1024
_MOST_ENTRIES = 100_000


@operation("POST /repos/{owner}/{repo}/git/blobs")
def create_blob(ctx: Context, owner: str, repo: str) -> Response:
    """A file's content, as text or in base64; not in any tree yet."""
    found = repository(ctx, owner, repo, needs="push")
    encoding = ctx.body.get("encoding", "utf-8")
    if encoding not in {"utf-8", "base64"}:
        raise Refusal(422, None, "Encoding is not a supported encoding type.")
    data = ctx.body["content"].encode() if encoding == "utf-8" else decoded(ctx.body["content"])
    sha = place_of(ctx, found).write_blob(data)
    url = f"{repo_url(found)}/git/blobs/{sha}"
    return Response(201, {"sha": sha, "url": url}, {"Location": url})


@operation("GET /repos/{owner}/{repo}/git/blobs/{file_sha}")
def get_blob(ctx: Context, owner: str, repo: str, file_sha: str) -> Any:
    """A file's content in base64, or as it is where the request accepts `application/vnd.github.raw`."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    if place.kind(file_sha) != "blob":
        raise not_found()
    data = place.blob(file_sha)
    if accepts(ctx, "raw"):
        return Response(200, data, {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return {
        "sha": file_sha,
        "node_id": object_node("B", found, file_sha),
        "size": len(data),
        "url": f"{repo_url(found)}/git/blobs/{file_sha}",
        "content": encoded(data),
        "encoding": "base64",
    }


@operation("POST /repos/{owner}/{repo}/git/trees")
def create_tree(ctx: Context, owner: str, repo: str) -> Response:
    """A tree of entries, on top of another one with `base_tree`. An entry without an id and content takes a file away."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    base = ctx.body.get("base_tree")
    if base is not None:
        base = _tree_named(place, base)
        if base is None:
            raise Refusal(422, None, "base_tree is not a valid tree oid")
    if not ctx.body["tree"]:
        raise Refusal(422, None, "Invalid tree info")
    changes = {}
    for entry in ctx.body["tree"]:
        path, made = _entry(place, entry)
        changes[path] = made
    with refusals():
        sha = place.write_tree(changes, base) if base else place.write_tree(changes)
    return Response(201, _tree(found, place, sha, deep=False), {"Location": f"{repo_url(found)}/git/trees/{sha}"})


@operation("GET /repos/{owner}/{repo}/git/trees/{tree_sha}")
def get_tree(ctx: Context, owner: str, repo: str, tree_sha: str) -> dict[str, Any]:
    """A tree, by its id or that of a commit, or by a branch's or tag's name; `recursive` (whatever it says) for all below."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    sha = _tree_named(place, tree_sha)
    if sha is None:
        raise not_found()
    return _tree(found, place, sha, deep="recursive" in ctx.query)


def _tree(found: Entity, place: Any, sha: str, *, deep: bool) -> dict[str, Any]:
    url = repo_url(found)
    entries = place.walk(sha, folders=True) if deep else place.tree(sha)
    shown: list[dict[str, Any]] = []
    truncated = False
    for entry in entries:
        if len(shown) >= _MOST_ENTRIES:
            truncated = True
            break
        one = {"path": readable(entry.path), "mode": f"{entry.mode:06o}", "type": entry.kind, "sha": entry.sha}
        if entry.kind == "blob":
            one |= {"size": place.size(entry.sha), "url": f"{url}/git/blobs/{entry.sha}"}
        elif entry.kind == "tree":
            one["url"] = f"{url}/git/trees/{entry.sha}"
        shown.append(one)
    return {"sha": sha, "url": f"{url}/git/trees/{sha}", "tree": shown, "truncated": truncated}


def _tree_named(place: Any, name: str) -> str | None:
    if place.kind(name) == "tree":
        return name
    commit = place.resolve(name)
    return place.commit(commit).tree if commit is not None else None


def _entry(place: Any, given: dict[str, Any]) -> tuple[str, git.Entry | None]:
    """One entry of a tree that is to be made. Raises 422."""
    path, sha, content = given.get("path"), given.get("sha"), given.get("content")
    if not path or "mode" not in given:
        raise Refusal(422, None, "Invalid tree info")
    if content is not None and sha is not None:
        raise Refusal(422, None, "Must supply either tree.sha or tree.content, not both")
    if content is None and "sha" not in given:
        raise Refusal(422, None, "Must supply a valid tree.sha or tree.content")
    if content is None and sha is None:
        return path.strip("/"), None
    mode = int(given["mode"], 8)
    if content is not None:
        return path, git.Entry(path, mode, place.write_blob(content.encode()))
    sha = str(sha)
    kind = git.Entry(path, mode, sha).kind
    if mode != 0o160000 and place.kind(sha) != kind:
        raise Refusal(422, None, f"tree.sha {sha} is not a valid {kind}")
    return path, git.Entry(path, mode, sha)


def decoded(text: str) -> bytes:
    """Bytes of base64, which may have line ends in it. Raises 422."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(422, None, "content is not valid Base64") from None
    if len(data) > LARGEST:
        raise Refusal(422, None, "Sorry, your input was too large to process. Consider creating the blob in a local clone "
                      "of the repository and then pushing it to GitHub.")  # fmt: skip
    return data


def encoded(data: bytes) -> str:
    """Base64 as GitHub writes it, 60 letters a line."""
    text = base64.b64encode(data).decode()
    return "".join(text[place : place + 60] + "\n" for place in range(0, len(text), 60))
