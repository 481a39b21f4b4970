"""Searches in files and commits, of the default branches: https://docs.github.com/search-github/github-code-search."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from childproof.stubkit import Context, Entity, git, operation

from . import pull_git
from .accounts import needed
from .commit_views import shown as shown_commit
from .languages import language_of
from .media import accepts
from .naming import API, WEB
from .repository_views import listed
from .search import results, searched
from .search_terms import Term, Terms, ordered, terms, within

MOST_BYTES = 384 * 1024  # of a file that is looked into
MOST_LOOKED = 24 * 1024 * 1024  # of all files that one search looks into
AN_OBJECT = 2048  # bytes that a file counts for besides its own
_CODE = frozenset({"repo", "user", "org", "in", "language", "path", "filename", "extension", "size", "fork"})
_COMMIT = frozenset({"repo", "user", "org", "author", "committer", "author-name", "committer-name", "author-email", "committer-email",
                     "author-date", "committer-date", "merge", "hash", "parent", "tree", "is"})  # fmt: skip
_AROUND = 80  # characters on each side of what was found


@operation("GET /search/code")
def code(ctx: Context) -> dict[str, Any]:
    """Words are looked for in what files hold, and in paths where it is asked for."""
    needed(ctx)
    asked = terms(ctx.query["q"], _CODE)
    room = [MOST_LOOKED]
    found = [hit for place in searched(ctx, asked) for hit in _files(ctx, asked, place, room)]
    return results(ctx, found, lambda hit: _shown_file(ctx, asked, *hit))


@operation("GET /search/commits")
def commits(ctx: Context) -> dict[str, Any]:
    """Words are looked for in messages."""
    asked = terms(ctx.query["q"], _COMMIT)
    found = [
        (place, one)
        for place in searched(ctx, asked)
        for one in _log(ctx, place)
        if _commit_fits(ctx, asked, place, one)
    ]
    keys: dict[str, Callable[[Any], Any]] = {
        "author-date": lambda hit: hit[1].author.time,
        "committer-date": lambda hit: hit[1].committer.time,
    }
    return results(
        ctx, ordered(found, ctx.query.get("sort"), ctx.query.get("order"), keys), lambda hit: _shown_commit(ctx, *hit)
    )


def _files(ctx: Context, asked: Terms, place: Entity, room: list[int]) -> Iterator[tuple[Entity, git.Entry, str]]:
    held = _git(ctx, place)
    tip = held.resolve("HEAD")
    places = asked.values("in") or ["file"]
    for entry in held.walk(held.commit(tip).tree) if tip is not None else ():
        if entry.kind != "blob" or not _path_fits(asked, entry, held):
            continue
        size = held.size(entry.sha)
        room[0] -= min(size, MOST_BYTES) + AN_OBJECT
        if room[0] < 0:  # as of GitHub's own searches that take too long: what was found until then
            return
        text = held.blob(entry.sha).decode(errors="replace") if size <= MOST_BYTES else ""
        if asked.said_in(text if "file" in places else None, entry.path if "path" in places else None):
            yield place, entry, text


def _path_fits(asked: Terms, entry: git.Entry, held: Any) -> bool:
    path, name = entry.path.lower(), entry.path.rpartition("/")[2].lower()
    folder = path.rpartition("/")[0]
    return asked.fits(
        {
            "repo": lambda _: True, "user": lambda _: True, "org": lambda _: True, "in": lambda _: True, "fork": lambda _: True,
            "language": lambda value: (language_of(entry.path) or "").lower() == value,
            "path": lambda value: not folder if value == "/" else f"/{path}".startswith(f"/{value.strip('/')}"),
            "filename": lambda value: value in name, "extension": lambda value: name.endswith(f".{value.lstrip('.')}"),
            "size": lambda value: within(value, held.size(entry.sha)),
        },
        any_of=("repo", "user", "org", "language", "extension"),
    )  # fmt: skip


def _shown_file(ctx: Context, asked: Terms, place: Entity, entry: git.Entry, text: str) -> dict[str, Any]:
    tip, path = _git(ctx, place).resolve("HEAD"), quote(entry.path)
    url = f"{API}/repositories/{place['id']}"
    made: dict[str, Any] = {
        "name": entry.path.rpartition("/")[2], "path": entry.path, "sha": entry.sha, "url": f"{url}/contents/{path}?ref={tip}",
        "git_url": f"{url}/git/blobs/{entry.sha}", "html_url": f"{WEB}/{place['full_name']}/blob/{tip}/{path}",
        "repository": {**listed(ctx, place)},
    }  # fmt: skip
    if accepts(ctx, "text-match"):
        made["text_matches"] = [
            match for word in asked.words if word.wanted and (match := _match(made["url"], text, word))
        ]
    return made


def _match(url: str, text: str, word: Term) -> dict[str, Any] | None:
    at = text.lower().find(word.value.lower())
    if at < 0:
        return None
    start = max(0, at - _AROUND)
    end = at + len(word.value)
    return {
        "object_url": url, "object_type": "FileContent", "property": "content", "fragment": text[start : end + _AROUND],
        "matches": [{"text": text[at:end], "indices": [at - start, end - start]}],
    }  # fmt: skip


def _commit_fits(ctx: Context, asked: Terms, place: Entity, one: git.Commit) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "repo": lambda _: True, "user": lambda _: True, "org": lambda _: True,
        "author": lambda value: _is(ctx, one.author, value), "committer": lambda value: _is(ctx, one.committer, value),
        "author-name": lambda value: value in one.author.name.lower(), "committer-name": lambda value: value in one.committer.name.lower(),
        "author-email": lambda value: one.author.email.lower() == value, "committer-email": lambda value: one.committer.email.lower() == value,
        "author-date": lambda value: within(value, one.author.date()), "committer-date": lambda value: within(value, one.committer.date()),
        "merge": lambda value: (len(one.parents) > 1) is (value == "true"), "hash": one.sha.startswith, "tree": one.tree.startswith,
        "parent": lambda value: any(parent.startswith(value) for parent in one.parents),
        "is": lambda value: place["private"] is (value == "private"),
    }  # fmt: skip
    return asked.fits(tests, any_of=("repo", "user", "org")) and asked.said_in(one.message)


def _shown_commit(ctx: Context, place: Entity, one: git.Commit) -> dict[str, Any]:
    made = shown_commit(ctx, place, one)
    keys = ("sha", "node_id", "url", "html_url", "comments_url", "author", "parents", "commit")
    return {
        **{key: made[key] for key in keys},
        "committer": made["commit"]["committer"],
        "repository": listed(ctx, place),
    }


def _is(ctx: Context, by: git.Identity, login: str) -> bool:
    found = pull_git.person(ctx, by)
    return found is not None and found["login"].lower() == login


def _git(ctx: Context, place: Entity) -> Any:
    return pull_git.of(ctx, place)


def _log(ctx: Context, place: Entity) -> Iterator[git.Commit]:
    held = _git(ctx, place)
    tip = held.resolve("HEAD")
    return iter(held.log(tip)) if tip is not None else iter(())
