"""`git clone`, `fetch` and `push` over HTTPS, at github.com: who may, and what GitHub says to who may not.

https://docs.github.com/get-started/getting-started-with-git/about-remote-repositories
"""

import re
from collections.abc import Iterable, Iterator

from childproof.stubkit import Context, Entity, Response, git, operation

from . import pull_git
from .accounts import credentials, viewer
from .branch_rules import DECLINED, against, complaint
from .git_places import HEADS, adjusted
from .naming import WEB
from .pushes import pushed
from .repositories import LEVELS, named, permission

# As in stub.yaml; actions/checkout sends its own in a header of basic authentication, too.
TOKEN = re.compile(r"gh[pousr]_\w{3,255}|github_pat_\w{3,255}|[0-9a-f]{40}|eyJ[\w-]+\.[\w-]+\.[\w-]+")
_ASK = {"WWW-Authenticate": 'Basic realm="GitHub"', "Content-Type": "text/plain; charset=utf-8"}
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


class _Said(Exception):
    """What is said instead: git shows it as `remote: …`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.response = Response(status, text.encode(), _ASK if status == 401 else _PLAIN)


@operation("GET /{owner}/{repo}/info/refs")
@operation("GET /{owner}/{repo}.git/info/refs")
def info_refs(ctx: Context, owner: str, repo: str) -> Response:
    """What there is, and what can be asked for: the first thing that git does. With .git in the address, or without."""
    service = ctx.query.get("service", "")
    if service not in {"git-upload-pack", "git-receive-pack"}:
        return Response(403, b"Please upgrade your git client.\n", _PLAIN)
    try:
        found = _open(ctx, owner, repo, writes=service == "git-receive-pack")
    except _Said as said:
        return said.response
    made: Response = pull_git.of(ctx, found).advertise(service)
    return made


@operation("POST /{owner}/{repo}/git-upload-pack")
@operation("POST /{owner}/{repo}.git/git-upload-pack")
def upload_pack(ctx: Context, owner: str, repo: str) -> Response:
    """What a clone or a fetch lacks."""
    try:
        found = _open(ctx, owner, repo, writes=False)
        made: Response = pull_git.of(ctx, found).upload_pack()
    except _Said as said:
        return said.response
    except git.GitError as error:
        return Response(400, f"{error}\n".encode(), _PLAIN)
    return made


@operation("POST /{owner}/{repo}/git-receive-pack")
@operation("POST /{owner}/{repo}.git/git-receive-pack")
def receive_pack(ctx: Context, owner: str, repo: str) -> Response:
    """A push."""
    try:
        found = _open(ctx, owner, repo, writes=True)
        place = pull_git.of(ctx, found)
        before, declined = bool(place.refs), list[str]()

        def accept(update: git.Update) -> str:
            declined.extend(_declined(update, wrong := complaint(ctx, found, update), against(ctx, found, update)))
            return wrong

        made = place.receive_pack(accept, lambda updates: "".join(declined) + _advice(found, updates, before=before))
    except _Said as said:
        return said.response
    except git.GitError as error:
        return Response(400, f"{error}\n".encode(), _PLAIN)
    if made.updates:
        pushed(ctx, adjusted(ctx, found, made.updates), made.updates)
    response: Response = made.response
    return response


def _open(ctx: Context, owner: str, repo: str, *, writes: bool) -> Entity:
    """The repository, for somebody who may read it, or write to it. What must not be known isn't found."""
    caller = viewer(ctx) if _has_token(ctx) else None
    found = named(ctx, owner, repo.removesuffix(".git"))
    level = permission(ctx, found, caller) if found is not None else None
    if caller is None and (writes or level is None):
        if ctx.header("authorization"):
            raise _Said(
                401, "Invalid username or token. Password authentication is not supported for Git operations.\n"
            )
        raise _Said(401, "No anonymous write access.\n" if writes and level else "Repository not found.\n")
    if found is None or level is None:
        raise _Said(404, "Repository not found.\n")
    if writes:
        if found["archived"]:
            raise _Said(403, "This repository was archived so it is read-only.\n")
        if LEVELS.index(level) < LEVELS.index("push"):
            login = caller["login"] if caller is not None else ""
            raise _Said(403, f"Permission to {found['full_name']}.git denied to {login}.\n")
    return found


def _has_token(ctx: Context) -> bool:
    """Whether git sent a token: as the password, or as the user name by itself. Passwords are none."""
    name, password = credentials(ctx)
    told = name if password in {"", "x-oauth-basic"} else password
    return TOKEN.fullmatch(told or ctx.key or "") is not None


def _declined(update: git.Update, wrong: str, rule: str) -> Iterator[str]:
    """What GitHub tells who pushed what it declines, besides the word that git shows for the ref."""
    if wrong == DECLINED:
        yield f"error: GH006: Protected branch update failed for {update.ref}.\n\n- {rule}\n"
    elif wrong:
        yield f"error: {wrong}\n"


def _advice(found: Entity, updates: Iterable[git.Update], *, before: bool) -> str:
    """What GitHub tells who pushed a new branch."""
    new = [update.ref.removeprefix(HEADS) for update in updates if update.created and update.ref.startswith(HEADS)]
    if not before or not new:
        return ""
    said = "".join(
        f"Create a pull request for '{name}' on GitHub by visiting:\n     {WEB}/{found['full_name']}/pull/new/{name}\n"
        for name in new[:3]
    )
    return f"\n{said}\n"
