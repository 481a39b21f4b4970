"""Git's part of a repository: the commit that a name stands for, who writes, and GitHub's refusals of what git refuses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, git

from . import pull_git
from .naming import API, WEB, node_id
from .wording import fault, not_found, validation_failed

HEADS, TAGS = "refs/heads/", "refs/tags/"
EMPTY = "Git Repository is empty."
KB = 1024


def place_of(ctx: Context, repo: Entity, *, filled: bool = True) -> Any:
    """A repository as git has it. With `filled`, 409 for one that has nothing yet."""
    place = pull_git.of(ctx, repo)
    if filled and not place.refs:
        raise Refusal(409, None, EMPTY)
    return place


def commit_named(place: Any, name: str | None, refusal: Refusal | None = None) -> str:
    """The commit that a branch, a tag or an id stands for; the default branch's without a name. Raises 404."""
    found = place.resolve(name or "HEAD")
    if found is None:
        raise refusal or not_found()
    return str(found)


def adjusted(ctx: Context, repo: Entity, updates: Sequence[git.Update]) -> Entity:
    """A repository after a push: its size, and the default branch, which the first one that comes becomes."""
    place = pull_git.of(ctx, repo)
    changes: dict[str, Any] = {"size": place.stored // KB}
    if place.ref(place.head) is None:
        branches = [update.ref for update in updates if update.ref.startswith(HEADS) and not update.deleted]
        if branches:
            preferred = next((ref for ref in (f"{HEADS}main", f"{HEADS}master") if ref in branches), branches[0])
            changes["default_branch"] = preferred.removeprefix(HEADS)
    return ctx.update(repo, **changes)


@contextmanager
def refusals(status: int = 422, message: str = "") -> Iterator[None]:
    """What git refuses, as the API says it."""
    try:
        yield
    except git.GitError as error:
        raise Refusal(status, None, message or f"{error}") from None


def who(ctx: Context, given: Any, default: git.Identity | None = None) -> git.Identity:
    """An author, committer or tagger as a request has it; whoever asks, where it says nothing."""
    base = default or pull_git.identity(ctx)
    if not isinstance(given, dict):
        return base
    name, email = given.get("name"), given.get("email")
    for key, value in (("name", name), ("email", email)):
        if value is None:
            raise Refusal(422, None, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
    if not name or not email:
        empty = [key for key, value in (("name", name), ("email", email)) if not value]
        raise validation_failed(*(fault("author", key, "missing_field") for key in empty))
    time, offset = base.time, base.offset
    if given.get("date"):
        moment = None
        with suppress(ValueError):
            moment = datetime.fromisoformat(given["date"])
        if moment is None or moment.tzinfo is None:
            raise Refusal(422, None, f"Invalid request.\n\n{given['date']} is not a valid date-time.")
        time = int(moment.timestamp())
        zone = moment.utcoffset()
        offset = int(zone.total_seconds()) // 60 if zone is not None else 0
    return git.Identity(name, email, time, offset)


def readable(path: str) -> str:
    """A path as JSON can have it: git's are bytes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def repo_url(repo: Entity) -> str:
    """A repository's address in the API."""
    return f"{API}/repos/{repo['full_name']}"


def web_url(repo: Entity) -> str:
    """A repository's page."""
    return f"{WEB}/{repo['full_name']}"


def object_node(kind: str, repo: Entity, sha: str) -> str:
    """The node id of something that git made."""
    return node_id(kind, repo["id"], int(sha[:8], 16))


VERIFICATION = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def verification(signature: str) -> dict[str, Any]:
    """What is known of a signature: nobody's key is here to check it with."""
    return VERIFICATION if not signature else {**VERIFICATION, "reason": "unknown_key", "signature": signature}
