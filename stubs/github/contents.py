"""Files and folders of a commit, and changing them file by file. https://docs.github.com/rest/repos/contents."""

from typing import Any
from urllib.parse import quote

from childproof.stubkit import Context, Entity, Refusal, Response, git, operation

from . import pull_git
from .branch_rules import against
from .git_blobs import decoded, encoded
from .git_commits import signed
from .git_places import (
    HEADS,
    adjusted,
    commit_named,
    object_node,
    place_of,
    readable,
    refusals,
    repo_url,
    verification,
    web_url,
    who,
)
from .licenses import OTHER, license_of
from .media import accepted
from .naming import WEB
from .pushes import pushed
from .repositories import repository
from .wording import not_found

_SHOWN_WHOLE = 1024 * 1024  # bytes; longer contents are left out
_MOST_LISTED = 1000
_KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}
RAW = "https://raw.githubusercontent.com"
_READMES = frozenset({"readme"})
_LICENSES = frozenset({"license", "licence", "copying"})


@operation("GET /repos/{owner}/{repo}/contents/{path}")
def get(ctx: Context, owner: str, repo: str, path: str) -> Any:
    """A file with its content, a folder's list, a symbolic link, a submodule."""
    return _get(ctx, owner, repo, path)


@operation("GET /repos/{owner}/{repo}/contents")
def get_root(ctx: Context, owner: str, repo: str) -> Any:
    """The list of what stands at the top."""
    return _get(ctx, owner, repo, "")


@operation("GET /repos/{owner}/{repo}/readme")
def readme(ctx: Context, owner: str, repo: str) -> Any:
    """The README that the repository's page shows."""
    return _special(ctx, owner, repo, "", _READMES)


@operation("GET /repos/{owner}/{repo}/readme/{dir}")
def readme_in(ctx: Context, owner: str, repo: str, dir: str) -> Any:  # noqa: A002 - the path's own name
    """A folder's README."""
    return _special(ctx, owner, repo, dir, _READMES)


@operation("GET /repos/{owner}/{repo}/license")
def license_file(ctx: Context, owner: str, repo: str) -> Any:
    """The file with the license, and which one it is: `other` for a text that the site wasn't asked for."""
    shown = _special(ctx, owner, repo, "", _LICENSES)
    return (
        shown
        if isinstance(shown, Response)
        else {**shown, "license": license_of(repository(ctx, owner, repo)) or OTHER}
    )


@operation("PUT /repos/{owner}/{repo}/contents/{path}")
def put(ctx: Context, owner: str, repo: str, path: str) -> Response:
    """A file's new content as a commit. Who changes a file says which content they know (`sha`): 409 where it isn't so."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found, filled=False)
    ref, parent = _branch(found, place, ctx.body.get("branch"))
    path = path.strip("/")
    tree = place.commit(parent).tree if parent else None
    there = place.find(tree, path) if tree else None
    _known(ctx, path, there)
    data = decoded(ctx.body["content"])
    mode = there.mode if there is not None else 0o100644
    with refusals(message="path contains a malformed path component"):
        entry = git.Entry(path, mode, place.write_blob(data))
        changed = place.write_tree({path: entry}, tree) if tree else place.write_tree({path: entry})
    sha = _commit(ctx, found, place, (ref, parent), changed)
    body = {"content": _about(found, ref.removeprefix(HEADS), entry, len(data)), "commit": _made(found, place, sha)}
    return Response(200 if there is not None else 201, body)


@operation("DELETE /repos/{owner}/{repo}/contents/{path}")
def delete(ctx: Context, owner: str, repo: str, path: str) -> dict[str, Any]:
    """A file taken away, as a commit."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    body = {**ctx.query, **ctx.body}
    ref, parent = _branch(found, place, body.get("branch"))
    path = path.strip("/")
    tree = place.commit(parent).tree if parent else None
    there = place.find(tree, path) if tree else None
    if there is None:
        raise not_found()
    _known(ctx, path, there)
    sha = _commit(ctx, found, place, (ref, parent), place.write_tree({path: None}, tree))
    return {"content": None, "commit": _made(found, place, sha)}


def _get(ctx: Context, owner: str, repo: str, path: str) -> Any:
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found, filled=False)
    if not place.refs:
        raise Refusal(404, None, "This repository is empty.")
    name = ctx.query.get("ref") or found["default_branch"]
    commit = commit_named(place, name, Refusal(404, None, f"No commit found for the ref {name}"))
    entry = place.find(place.commit(commit).tree, path.strip("/"))
    if entry is None:
        raise not_found()
    form = accepted(ctx)
    if entry.kind == "tree":
        listed = [
            _about(found, name, git.Entry(_below(entry.path, one.path), one.mode, one.sha), place.size(one.sha))
            for one in place.tree(entry.sha)[:_MOST_LISTED]
        ]
        return {**_about(found, name, entry, 0), "entries": listed} if form == "object" else listed
    if form == "raw" and entry.kind == "blob":
        return Response(200, place.blob(entry.sha), {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return whole(found, place, name, entry)


def _special(ctx: Context, owner: str, repo: str, folder: str, names: frozenset[str]) -> Any:
    """The file of a folder that has one of these names, whatever its ending."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found, filled=False)
    name = ctx.query.get("ref") or found["default_branch"]
    commit = commit_named(place, name)
    top = place.find(place.commit(commit).tree, folder.strip("/"))
    if top is None or top.kind != "tree":
        raise not_found()
    named = [one for one in place.tree(top.sha) if one.kind == "blob" and one.path.lower().partition(".")[0] in names]
    if not named:
        raise not_found()
    best = min(named, key=lambda one: (not one.path.lower().endswith(".md"), one.path))
    if accepted(ctx) == "raw":
        return Response(200, place.blob(best.sha), {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return whole(found, place, name, git.Entry(_below(top.path, best.path), best.mode, best.sha))


def whole(found: Entity, place: Any, ref: str, entry: git.Entry) -> dict[str, Any]:
    """A file with its content, a symbolic link with where it leads, a submodule with where it is from."""
    if entry.kind == "commit":
        return {**_about(found, ref, entry, 0), "submodule_git_url": _submodule(place, found, ref, entry.path)}
    data = place.blob(entry.sha)
    about = _about(found, ref, entry, len(data))
    if entry.mode == 0o120000:
        return {**about, "target": data.decode("utf-8", "replace")}
    if len(data) > _SHOWN_WHOLE:
        return {**about, "content": "", "encoding": "none"}
    return {**about, "content": encoded(data), "encoding": "base64"}


def _about(found: Entity, ref: str, entry: git.Entry, size: int) -> dict[str, Any]:
    """What there is at a path, without what is in it."""
    path = readable(entry.path)
    where, name = quote(path), path.rpartition("/")[2]
    kind = "symlink" if entry.mode == 0o120000 else _KINDS[entry.kind]
    base, web = repo_url(found), web_url(found)
    url = f"{base}/contents/{where}?ref={quote(ref)}"
    shape = "tree" if entry.kind == "tree" else "blob"
    git_url = None if kind == "submodule" else f"{base}/git/{shape}s/{entry.sha}"
    html = None if kind == "submodule" else f"{web}/{shape}/{quote(ref)}/{where}"
    return {
        "name": name,
        "path": path,
        "sha": entry.sha,
        "size": size if kind in {"file", "symlink"} else 0,
        "url": url,
        "html_url": html,
        "git_url": git_url,
        "download_url": f"{RAW}/{found['full_name']}/{quote(ref)}/{where}" if shape == "blob" and git_url else None,
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": html},
    }


def _submodule(place: Any, found: Entity, ref: str, path: str) -> str:
    """Where a submodule is from, as .gitmodules says."""
    commit = place.resolve(ref)
    listed = place.find(place.commit(commit).tree, ".gitmodules") if commit else None
    text = place.blob(listed.sha).decode("utf-8", "replace") if listed is not None and listed.kind == "blob" else ""
    for section in text.split("[submodule")[1:]:
        values = dict(line.strip().split(" = ", 1) for line in section.splitlines() if " = " in line)
        if values.get("path") == path:
            return values.get("url", "")
    return f"{WEB}/{found['full_name']}"


def _branch(found: Entity, place: Any, name: str | None) -> tuple[str, str | None]:
    """The branch to commit on, and what it is at; None for one of a repository that has nothing yet."""
    branch = (name or found["default_branch"]).removeprefix(HEADS)
    ref = f"{HEADS}{branch}"
    tip = place.ref(ref)
    if tip is None and place.refs:
        raise Refusal(404, None, f"Branch {branch} not found")
    return ref, tip


def _known(ctx: Context, path: str, there: git.Entry | None) -> None:
    """Refuse who doesn't know what they change."""
    given = ctx.body.get("sha", ctx.query.get("sha"))
    if there is not None and there.kind != "blob":
        raise Refusal(422, None, "path is a directory" if there.kind == "tree" else "path is a submodule")
    if there is not None and not given:
        raise Refusal(422, None, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if given and (there is None or given != there.sha):
        raise Refusal(409, None, f"{path} does not match {given}")


def _commit(ctx: Context, found: Entity, place: Any, at: tuple[str, str | None], tree: str) -> str:
    ref, parent = at
    committer = who(ctx, ctx.body.get("committer"))
    author = who(ctx, ctx.body.get("author"), committer)
    message = ctx.body.get("message", ctx.query.get("message", ""))
    sha = str(place.write_commit(tree, [parent] if parent else [], author, message, committer=committer))
    update = place.set_ref(ref, sha)
    if wrong := against(ctx, found, update):
        doing = "delete" if ctx.call.method == "DELETE" else "update" if ctx.body.get("sha") else "create"
        raise Refusal(409, None, f"Could not {doing} file: {wrong}")
    pushed(ctx, adjusted(ctx, found, [update]), [update])
    return sha


def _made(found: Entity, place: Any, sha: str) -> dict[str, Any]:
    one = place.commit(sha)
    url, web = f"{repo_url(found)}/git", web_url(found)
    return {
        "sha": sha,
        "node_id": object_node("C", found, sha),
        "url": f"{url}/commits/{sha}",
        "html_url": f"{web}/commit/{sha}",
        "author": signed(one.author),
        "committer": signed(one.committer),
        "tree": {"sha": one.tree, "url": f"{url}/trees/{one.tree}"},
        "message": one.message,
        "parents": [{"sha": up, "url": f"{url}/commits/{up}", "html_url": f"{web}/commit/{up}"} for up in one.parents],
        "verification": verification(""),
    }


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def file_at(ctx: Context, found: Entity, place: str) -> bytes | None:
    """A file by `branch/path`, whatever slashes are in the branch's name; None where there is none."""
    repo = pull_git.of(ctx, found)
    parts = place.split("/")
    for count in range(1, len(parts)):
        commit = repo.resolve("/".join(parts[:count]))
        if commit is not None:
            entry = repo.find(repo.commit(commit).tree, "/".join(parts[count:]))
            if entry is not None and entry.kind == "blob":
                return bytes(repo.blob(entry.sha))
    return None
