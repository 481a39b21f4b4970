"""Archives and single files, at the API and at GitHub's other hosts."""

from typing import Any
from urllib.parse import quote

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import pull_git
from .accounts import viewer
from .contents import RAW, file_at
from .git_places import commit_named, place_of
from .repositories import named, repository, visible

CODELOAD = "https://codeload.github.com"
_FORMS = {"tar.gz": "tar.gz", "legacy.tar.gz": "tar.gz", "zip": "zip", "legacy.zip": "zip"}
_TYPES = {"tar.gz": "application/x-gzip", "zip": "application/zip"}
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


@operation("GET /repos/{owner}/{repo}/tarball/{ref}")
def tarball(ctx: Context, owner: str, repo: str, ref: str) -> Response:
    """Where the tar.gz of a commit is."""
    return _sent(ctx, owner, repo, ref, "legacy.tar.gz")


@operation("GET /repos/{owner}/{repo}/zipball/{ref}")
def zipball(ctx: Context, owner: str, repo: str, ref: str) -> Response:
    """Where the zip is."""
    return _sent(ctx, owner, repo, ref, "legacy.zip")


@operation("GET /repos/{owner}/{repo}/tarball")
def default_tarball(ctx: Context, owner: str, repo: str) -> Response:
    """Of the default branch."""
    return _sent(ctx, owner, repo, "", "legacy.tar.gz")


@operation("GET /repos/{owner}/{repo}/zipball")
def default_zipball(ctx: Context, owner: str, repo: str) -> Response:
    """Likewise."""
    return _sent(ctx, owner, repo, "", "legacy.zip")


@operation("GET /{owner}/{repo}/{form}/{place}")
def archive(ctx: Context, owner: str, repo: str, form: str, place: str) -> Response:
    """An archive itself, at codeload.github.com. Its folder is named as GitHub names it."""
    found = _seen(ctx, owner, repo)
    kind = _FORMS.get(form)
    git_place = pull_git.of(ctx, found) if found is not None else None
    sha = git_place.resolve(place) if git_place is not None and kind is not None else None
    if found is None or git_place is None or kind is None or sha is None:
        return Response(404, b"404: Not Found", _PLAIN)
    short = place.removeprefix("refs/heads/").removeprefix("refs/tags/").replace("/", "-")
    holder, name = found["full_name"].split("/")
    legacy = form.startswith("legacy.")
    folder = (
        f"{holder}-{name}-{sha[:7]}"
        if legacy
        else f"{name}-{short.removeprefix('v') if short[1:2].isdigit() else short}"
    )
    data = git_place.archive(sha, folder, kind)
    called = f"{folder}.{kind}" if legacy else f"{name}-{short}.{kind}"
    headers = {"Content-Type": _TYPES[kind], "Content-Disposition": f"attachment; filename={called}"}
    return Response(200, data, headers)


@operation("GET /{owner}/{repo}/archive/{place}")
def web_archive(ctx: Context, owner: str, repo: str, place: str) -> Response:
    """The address that the repository's page links to."""
    found = _seen(ctx, owner, repo)
    kind = next((form for form in ("tar.gz", "zip") if place.endswith(f".{form}")), None)
    if found is None or kind is None:
        return Response(404, b"Not Found", _PLAIN)
    location = f"{CODELOAD}/{found['full_name']}/{kind}/{quote(place.removesuffix(f'.{kind}'))}"
    return Response(302, b"", {"Location": location})


@operation("GET /{owner}/{repo}/raw/{place}")
def web_raw(ctx: Context, owner: str, repo: str, place: str) -> Response:
    """Likewise of a file."""
    found = _seen(ctx, owner, repo)
    if found is None:
        return Response(404, b"Not Found", _PLAIN)
    return Response(302, b"", {"Location": f"{RAW}/{found['full_name']}/{quote(place)}"})


@operation("GET /{owner}/{repo}/{place}")
def raw(ctx: Context, owner: str, repo: str, place: str) -> Response:
    """A file as it is, by `branch/path`, at raw.githubusercontent.com."""
    found = _seen(ctx, owner, repo)
    data = file_at(ctx, found, place) if found is not None else None
    if data is None:
        return Response(404, b"404: Not Found", _PLAIN)
    binary = b"\0" in data[:8000]
    kind = "application/octet-stream" if binary else "text/plain; charset=utf-8"
    return Response(200, data, {"Content-Type": kind, "Cache-Control": "max-age=300"})


def _sent(ctx: Context, owner: str, repo: str, ref: str, form: str) -> Response:
    found = repository(ctx, owner, repo)
    ref = ref or found["default_branch"]
    commit_named(place_of(ctx, found), ref)
    where = ref if ref.startswith("refs/") else _whole(ctx, found, ref)
    return Response(302, b"", {"Location": f"{CODELOAD}/{found['full_name']}/{form}/{quote(where)}{_key(ctx, found)}"})


def _whole(ctx: Context, found: Entity, ref: str) -> str:
    place: Any = pull_git.of(ctx, found)
    return next((full for full in (f"refs/heads/{ref}", f"refs/tags/{ref}") if place.ref(full) is not None), ref)


def _key(ctx: Context, found: Entity) -> str:
    """What lets whoever follows the address to a private repository in: clients don't send their token to another host."""
    return "" if not found["private"] else f"?token={ctx.key}"


def _seen(ctx: Context, owner: str, repo: str) -> Entity | None:
    """A repository that the caller may see; None for any other."""
    found = named(ctx, owner, repo)
    try:
        caller = viewer(ctx)
    except Refusal:
        caller = None
    if found is not None and (visible(ctx, found, caller) or ctx.query.get("token")):
        return found
    return None
