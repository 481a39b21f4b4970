"""Commits: listed, shown, compared, merged. https://docs.github.com/rest/commits, …/branches/branches."""

from datetime import datetime
from itertools import islice
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, git, operation

from . import pull_git
from .branch_rules import complaint, protection
from .commit_views import file, mailed, shown, with_files
from .git_places import HEADS, adjusted, commit_named, place_of, readable, repo_url, web_url
from .media import accepted
from .paging import shown_page
from .pushes import pushed
from .repositories import repository
from .wording import not_found

_MOST = 10_000  # commits that a list goes through
_MOST_FILES = 300  # of a comparison
_PLAIN = {"diff": "application/vnd.github.diff; charset=utf-8", "patch": "application/vnd.github.patch; charset=utf-8"}


@operation("GET /repos/{owner}/{repo}/commits")
def list_commits(ctx: Context, owner: str, repo: str) -> Any:
    """Those that a branch, tag or commit leads to, newest first; of a path, somebody, or a time."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    query = ctx.query
    start = commit_named(place, query.get("sha"), None if not query.get("sha") else not_found())
    wanted = islice(place.log(start, query.get("path", "").strip("/")), _MOST)
    since, until = (_seconds(query.get(name)) for name in ("since", "until"))
    people = [(side, query[side]) for side in ("author", "committer") if query.get(side)]
    matching = [
        one
        for one in wanted
        if (since is None or one.committer.time >= since)
        and (until is None or one.committer.time <= until)
        and all(_is(ctx, getattr(one, side), name) for side, name in people)
    ]
    return shown_page(ctx, _paged(matching), lambda one: shown(ctx, found, one["commit"]))


@operation("GET /repos/{owner}/{repo}/commits/{ref}")
def get_commit(ctx: Context, owner: str, repo: str, ref: str) -> Any:
    """One with what it changed; as a diff, a patch, or its id alone, where the request accepts those."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    sha = commit_named(place, ref, Refusal(422, None, f"No commit found for SHA: {ref}"))
    match accepted(ctx):
        case "sha":
            return Response(200, sha, {"Content-Type": "application/vnd.github.sha; charset=utf-8"})
        case "diff":
            return Response(200, readable(place.unified(place.changes(sha))), {"Content-Type": _PLAIN["diff"]})
        case "patch":
            return Response(200, mailed(place, [place.commit(sha)]), {"Content-Type": _PLAIN["patch"]})
        case _:
            return with_files(ctx, found, place, place.commit(sha))


@operation("GET /repos/{owner}/{repo}/commits/{commit_sha}/branches-where-head")
def heads_at(ctx: Context, owner: str, repo: str, commit_sha: str) -> Any:
    """The branches that are at a commit."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    sha = commit_named(place, commit_sha, Refusal(422, None, f"No commit found for SHA: {commit_sha}"))
    names = [name.removeprefix(HEADS) for name, at in place.refs.items() if name.startswith(HEADS) and at == sha]
    return [
        {
            "name": name,
            "commit": {"sha": sha, "url": f"{repo_url(found)}/commits/{sha}"},
            "protected": protection(ctx, found, name) is not None,
        }
        for name in names
    ]


@operation("GET /repos/{owner}/{repo}/compare/{basehead}")
def compare(ctx: Context, owner: str, repo: str, basehead: str) -> Any:
    """`base...head`: what the head has and the base hasn't; of a fork as `login:branch`."""
    base, dots, head = basehead.partition("...")
    if not dots:
        raise not_found()
    return compare_both(ctx, owner, repo, base, head)


@operation("GET /repos/{owner}/{repo}/compare/{base}...{head}")
def compare_both(ctx: Context, owner: str, repo: str, base: str, head: str) -> Any:
    """Likewise, as older clients ask for it."""
    # What a fork has comes along, and goes again: looking changes nothing.
    return ctx.rehearse(lambda: _compared(ctx, owner, repo, base, head))


@operation("POST /repos/{owner}/{repo}/merges")
def merge(ctx: Context, owner: str, repo: str) -> Response:
    """A branch merged into another: 201 with the commit, 204 where there was nothing to do, 409 for a conflict."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    base, head = ctx.body["base"], ctx.body["head"]
    tip = place.ref(f"{HEADS}{base}")
    if tip is None:
        raise Refusal(404, None, "Base does not exist")
    other = commit_named(place, head, Refusal(404, None, "Head does not exist"))
    if place.contains(tip, other):
        return Response(204)
    message = ctx.body.get("commit_message") or f"Merge {head} into {base}"
    try:
        sha = place.merge(tip, other, pull_git.identity(ctx), message)
    except git.Conflict:
        raise Refusal(409, None, "Merge conflict") from None
    _moved(ctx, found, place, base, sha)
    return Response(201, shown(ctx, found, place.commit(sha)))


@operation("POST /repos/{owner}/{repo}/merge-upstream")
def merge_upstream(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """A fork's branch brought up to that of what it was forked from."""
    found = repository(ctx, owner, repo, needs="push")
    place, branch = place_of(ctx, found), ctx.body["branch"]
    origin = ctx.find("repository", found["_parent"]) if found.get("_parent") else None
    if origin is None:
        raise Refusal(422, None, "This repository is not a fork")
    source = pull_git.of(ctx, origin)
    theirs, ours = source.ref(f"{HEADS}{branch}"), place.ref(f"{HEADS}{branch}")
    if theirs is None or ours is None:
        raise not_found()
    place.adopt(source)
    upstream = f"{origin['_owner']}:{branch}"
    if place.contains(ours, theirs):
        return {
            "message": f"This branch is not behind the upstream {upstream}.",
            "merge_type": "none",
            "base_branch": upstream,
        }
    if place.contains(theirs, ours):
        _moved(ctx, found, place, branch, theirs)
        kind = "fast-forward"
    else:
        try:
            sha = place.merge(ours, theirs, pull_git.identity(ctx), f"Merge branch '{branch}' of {web_url(origin)}")
        except git.Conflict:
            raise Refusal(409, None, "There are merge conflicts") from None
        _moved(ctx, found, place, branch, sha)
        kind = "merge"
    text = (
        f"Successfully fetched and {'fast-forwarded' if kind == 'fast-forward' else 'merged'} from upstream {upstream}."
    )
    return {"message": text, "merge_type": kind, "base_branch": upstream}


def _moved(ctx: Context, found: Entity, place: Any, branch: str, sha: str) -> None:
    update = place.set_ref(f"{HEADS}{branch}", sha)
    if complaint(ctx, found, update):
        raise Refusal(409, None, f"Protected branch update failed for {HEADS}{branch}.")
    pushed(ctx, adjusted(ctx, found, [update]), [update])


def _compared(ctx: Context, owner: str, repo: str, base: str, head: str) -> Any:
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    one, other = (_side(ctx, found, place, name) for name in (base, head))
    common = place.merge_base(one, other)
    if common is None:
        raise Refusal(404, None, f"No common ancestor between {base} and {head}.")
    ahead, behind = place.between(one, other), len(place.between(other, one))
    form = accepted(ctx)
    if form == "patch":
        return Response(200, mailed(place, ahead), {"Content-Type": _PLAIN["patch"]})
    changes = place.diff(common, other)
    if form == "diff":
        return Response(200, readable(place.unified(changes)), {"Content-Type": _PLAIN["diff"]})
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    web, name = web_url(found), f"{base}...{head}"
    page = shown_page(ctx, _paged(ahead), lambda each: shown(ctx, found, each["commit"])) if ahead else []
    owned = found["full_name"].replace("/", ":")
    return {
        "url": f"{repo_url(found)}/compare/{name}",
        "html_url": f"{web}/compare/{name}",
        "permalink_url": f"{web}/compare/{owned.partition(':')[0]}:{one[:7]}...{owned.partition(':')[0]}:{other[:7]}",
        "diff_url": f"{web}/compare/{name}.diff",
        "patch_url": f"{web}/compare/{name}.patch",
        "base_commit": shown(ctx, found, place.commit(one)),
        "merge_base_commit": shown(ctx, found, place.commit(common)),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": page,
        "files": [file(found, other, change) for change in changes[:_MOST_FILES]],
    }


def _side(ctx: Context, found: Entity, place: Any, name: str) -> str:
    """One side of a comparison, also of a fork: its objects come along. Raises 404."""
    login, colon, branch = name.partition(":")
    if not colon:
        return commit_named(place, name)
    for other in ctx.list("repository", _owner=login.lower()):
        if (
            other.id == found.id
            or found.id in {other.get("_parent"), other.get("_source")}
            or other.id == found.get("_parent")
        ):
            sha = commit_named(pull_git.of(ctx, other), branch.rpartition(":")[2])
            if other.id != found.id and sha not in place:
                place.adopt(pull_git.of(ctx, other))
            return sha
    raise not_found()


def _paged(commits: list[git.Commit]) -> list[dict[str, Any]]:
    """As lists are paged: by id."""
    return [{"id": one.sha, "commit": one} for one in commits]


def _is(ctx: Context, by: git.Identity, name: str) -> bool:
    """Whether somebody is meant by a login or a mail address."""
    if "@" in name:
        return by.email.lower() == name.lower()
    known = pull_git.person(ctx, by)
    return known is not None and str(known["login"]).lower() == name.lower()


def _seconds(moment: str | None) -> float | None:
    if not moment:
        return None
    try:
        return datetime.fromisoformat(
            moment if "T" in moment or len(moment) > 10 else f"{moment}T00:00:00+00:00"
        ).timestamp()
    except ValueError:
        raise Refusal(422, None, f"Invalid request.\n\n{moment} is not a valid date-time.") from None
