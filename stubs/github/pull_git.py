"""What pull requests ask of git: commits, differences, merges. All that they know of it goes through here."""

from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from childproof.stubkit import Context, Entity, git

from .accounts import account
from .subjects import api, me, node_id, repository_numbered, user, web

HEADS = "refs/heads/"
GITHUB = ("GitHub", "noreply@github.com")  # who commits what is merged by the API


def of(ctx: Context, repo: Entity) -> Any:
    """A repository as git sees it."""
    return git.repository(ctx, repo["id"], head=f"{HEADS}{repo['default_branch']}")


def tip(ctx: Context, repo: Entity, branch: str) -> str | None:
    """The commit that a branch is at; None where there is no such branch."""
    found = of(ctx, repo).ref(f"{HEADS}{branch}")
    return None if found is None else str(found)


def bring(ctx: Context, repo: Entity, home: Entity, sha: str) -> None:
    """Have a commit of a fork in the repository that it is to be merged into."""
    place = of(ctx, repo)
    if home["id"] != repo["id"] and sha not in place:
        place.adopt(of(ctx, home))


def merge_base(ctx: Context, repo: Entity, base: str, head: str) -> str | None:
    """Where two histories part; None where they have nothing in common."""
    found = of(ctx, repo).merge_base(base, head)
    return None if found is None else str(found)


def contains(ctx: Context, repo: Entity, descendant: str, ancestor: str) -> bool:
    """Whether a commit is in another one's history."""
    place = of(ctx, repo)
    return ancestor in place and bool(place.contains(descendant, ancestor))


def commits(ctx: Context, repo: Entity, base: str, head: str) -> list[git.Commit]:
    """What `head` has and `base` hasn't, the oldest first."""
    return list(of(ctx, repo).between(base, head))


def changes(ctx: Context, repo: Entity, base: str, head: str) -> list[git.FileChange]:
    """The files that differ between two commits."""
    return list(of(ctx, repo).diff(base, head))


def files(ctx: Context, repo: Entity, pull: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files that a pull request changes, as GitHub shows them."""
    head = pull["head_sha"]
    shown = []
    for change in changes(ctx, repo, pull["fork_sha"], head):
        path = change.path.replace(" ", "%20")
        entry: dict[str, Any] = {
            "sha": change.new or change.old,
            "filename": change.path,
            "status": change.status,
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "blob_url": f"{web(repo)}/blob/{head}/{path}",
            "raw_url": f"{web(repo)}/raw/{head}/{path}",
            "contents_url": f"{api(repo)}/contents/{path}?ref={head}",
        }
        if change.patch is not None:
            entry["patch"] = change.patch
        if change.status == "renamed":
            entry["previous_filename"] = change.previous
        shown.append(entry)
    return shown


def text(ctx: Context, repo: Entity, pull: Mapping[str, Any], kind: str) -> str:
    """All of a pull request as one `diff`, or as a `patch` for each commit, as `git format-patch` writes them."""
    place = of(ctx, repo)
    if kind == "diff":
        return str(place.unified(changes(ctx, repo, pull["fork_sha"], pull["head_sha"])))
    found = commits(ctx, repo, pull["base_sha"], pull["head_sha"])
    parts = []
    for number, commit in enumerate(found, start=1):
        title, _, rest = commit.message.strip().partition("\n")
        counted = f" {number}/{len(found)}" if len(found) > 1 else ""
        head = [
            f"From {commit.sha} Mon Sep 17 00:00:00 2001",
            f"From: {commit.author.name} <{commit.author.email}>",
            f"Date: {format_datetime(commit.author.moment())}",
            f"Subject: [PATCH{counted}] {title}",
            "",
            *([rest.strip(), ""] if rest.strip() else []),
            "---",
        ]
        parts.append("\n".join(head) + "\n" + str(place.unified(place.changes(commit.sha))))
    return "\n".join(parts)


def mergeable(ctx: Context, repo: Entity, issue: Mapping[str, Any], pull: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Whether a pull request can be merged, and GitHub's word for its state. Nobody knows of one that is closed."""
    if issue["state"] != "open":
        return None, "unknown"
    base = tip(ctx, repo, pull["base_ref"])
    if base is None:
        return False, "dirty"
    able = bool(of(ctx, repo).mergeable(base, pull["head_sha"]))
    return able, "dirty" if not able else "draft" if pull["draft"] else "clean"


def merge(ctx: Context, repo: Entity, pull: Mapping[str, Any], method: str, message: str) -> str | None:
    """The commit that the base comes to by a merge, a squash or a rebase; None where there is a conflict."""
    place, base = of(ctx, repo), tip(ctx, repo, pull["base_ref"])
    author, committer = identity(ctx), _named(ctx, *GITHUB)
    if base is None:
        return None
    try:
        match method:
            case "squash":
                return str(place.squash(base, pull["head_sha"], author, message, committer=committer))
            case "rebase":
                return str(place.rebase(base, pull["head_sha"], committer))
            case _:
                return str(place.merge(base, pull["head_sha"], author, message, committer=committer))
    except git.Conflict:
        return None


def catch_up(ctx: Context, repo: Entity, pull: Mapping[str, Any], message: str) -> str | None:
    """The commit that merges the base into the head: the head itself where it has it all, None for a conflict."""
    place, base = of(ctx, repo), tip(ctx, repo, pull["base_ref"])
    head = pull["head_sha"]
    if base is None or place.contains(head, base):
        return str(head)
    try:
        return str(place.merge(head, base, identity(ctx), message, committer=_named(ctx, *GITHUB)))
    except git.Conflict:
        return None


def move(ctx: Context, repo: Entity, branch: str, sha: str) -> git.Update:
    """Let a branch be at another commit."""
    made: git.Update = of(ctx, repo).set_ref(f"{HEADS}{branch}", sha)
    return made


def drop(ctx: Context, repo: Entity, branch: str) -> git.Update:
    """Take a branch away."""
    made: git.Update = of(ctx, repo).delete_ref(f"{HEADS}{branch}")
    return made


def head_is_there(ctx: Context, pull: Mapping[str, Any]) -> bool:
    """Whether a pull request's branch still exists."""
    home = repository_numbered(ctx, pull["head_repo"])
    return home is not None and tip(ctx, home, pull["head_ref"]) is not None


def identity(ctx: Context) -> git.Identity:
    """Whoever asks, as an author of commits."""
    found = account(ctx, me(ctx))
    assert found is not None
    hidden = f"{found['id']}+{found['login']}@users.noreply.github.com"
    return _named(ctx, found.get("name") or found["login"], found.get("email") or hidden)


def _named(ctx: Context, name: str, email: str) -> git.Identity:
    return git.Identity(name, email, ctx.now_ms() // 1000)


def person(ctx: Context, who: git.Identity) -> dict[str, Any] | None:
    """The account whose mail address an author or committer has; None for nobody's."""
    found = next(iter(ctx.list("account", email=who.email, limit=1)), None)
    return None if found is None else user(ctx, found["login"])


def shown(ctx: Context, repo: Entity, commit: git.Commit) -> dict[str, Any]:
    """A commit as lists show it."""
    home = api(repo)
    sides = {"author": commit.author, "committer": commit.committer}
    return {
        "sha": commit.sha,
        "node_id": node_id("C", int(commit.sha[:7], 16)),
        "commit": {
            **{side: {"name": who.name, "email": who.email, "date": who.date()} for side, who in sides.items()},
            "message": commit.message.rstrip("\n"),
            "tree": {"sha": commit.tree, "url": f"{home}/git/trees/{commit.tree}"},
            "url": f"{home}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "url": f"{home}/commits/{commit.sha}",
        "html_url": f"{web(repo)}/commit/{commit.sha}",
        "comments_url": f"{home}/commits/{commit.sha}/comments",
        **{side: person(ctx, who) for side, who in sides.items()},
        "parents": [
            {"sha": sha, "url": f"{home}/commits/{sha}", "html_url": f"{web(repo)}/commit/{sha}"}
            for sha in commit.parents
        ],
    }
