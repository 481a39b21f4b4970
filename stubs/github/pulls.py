"""Pull requests: opened, listed, changed."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import issue_telling, pull_git, pull_shapes
from .issue_records import begin, change, check_words, close, find, note, reopen
from .pull_records import find_pull, is_open, measured
from .subjects import fork_of, gid, invalid, need_author, open_for_writing, owner_of, repository
from .workflow_runs import triggered


@operation("POST /repos/{owner}/{repo}/pulls")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """Ask for a branch to be merged into another, of this repository or from a fork."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    body = ctx.body
    issue = _asked(ctx, place, body)
    home, head = _head(ctx, place, body)
    base = body["base"]
    base_sha, head_sha = pull_git.tip(ctx, place, base), pull_git.tip(ctx, home, head)
    if base_sha is None:
        raise invalid("PullRequest", "base", "invalid")
    if head_sha is None:
        raise invalid("PullRequest", "head", "invalid")
    _new(ctx, place, home, base, head)
    pull_git.bring(ctx, place, home, head_sha)
    if pull_git.merge_base(ctx, place, base_sha, head_sha) is None:
        raise invalid("PullRequest", None, "custom", f"The {head} branch has no history in common with {base}")
    sizes = measured(ctx, place, base_sha, head_sha)
    if not sizes["commits"]:
        side = head if home.id == place.id else body["head"]
        raise invalid("PullRequest", None, "custom", f"No commits between {base} and {side}")
    if issue is None:
        issue = begin(ctx, place, str(body["title"]), body.get("body"), pull=True)
    else:
        issue = change(ctx, issue, pull=True, state_reason=None)
    ctx.create(
        "pull", issue.id, gid=gid(ctx, "pull"), repo=place["id"], number=issue["number"], head_repo=home["id"],
        head_owner=owner_of(ctx, home)["login"], head_ref=head, base_ref=base, draft=bool(body.get("draft")), merged=False,
        merged_at=None, merged_by=None, merge_sha=None, reviewers=[], review_comments=0,
        maintainer_can_modify=bool(body.get("maintainer_can_modify")), **sizes,
    )  # fmt: skip
    issue_telling.issue(ctx, place, issue, "opened")
    triggered(ctx, place, "pull_request", branch=base, sha=head_sha, title=issue["title"])
    return Response(201, pull_shapes.pull_request(ctx, place, issue))


def _asked(ctx: Context, repo: Entity, body: Mapping[str, Any]) -> Entity | None:
    """The issue that becomes a pull request, where the request names one; else it needs a title."""
    if body.get("issue") is not None:
        issue = find(ctx, repo, body["issue"])
        if issue["pull"] or issue["state"] != "open":
            raise invalid("PullRequest", "issue", "invalid")
        return issue
    check_words("PullRequest", {**body, "title": body.get("title") or ""})
    return None


def _head(ctx: Context, repo: Entity, body: Mapping[str, Any]) -> tuple[Entity, str]:
    """The repository and the branch that a request's `head` (`branch`, `owner:branch`) means."""
    owner, colon, branch = body["head"].rpartition(":")
    if not colon or owner.lower() == repo["_owner"]:
        return repo, branch
    home = fork_of(ctx, repo, owner)
    if home is None:
        raise invalid("PullRequest", "head", "invalid")
    return home, branch


def _new(ctx: Context, repo: Entity, home: Entity, base: str, head: str) -> None:
    if is_open(ctx, repo, home, base, head):
        owner = owner_of(ctx, home)["login"]
        raise invalid("PullRequest", None, "custom", f"A pull request already exists for {owner}:{head}.")


@operation("GET /repos/{owner}/{repo}/pulls")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The repository's pull requests, as the query asks."""
    place, query = repository(ctx, owner, repo), ctx.query
    state = query.get("state") or "open"
    pulls = {one.id: one for one in ctx.list("pull", repo=place["id"])}
    found = [one for one in (ctx.get("issue", number) for number in pulls) if state in {"all", one["state"]}]
    if head := query.get("head"):
        found = [one for one in found if _labelled(pulls[one.id]) == head.lower() or ":" not in head]
    if base := query.get("base"):
        found = [one for one in found if pulls[one.id]["base_ref"] == base]
    sort = query.get("sort") or "created"
    down = query.get("direction") or ("desc" if sort == "created" else "asc")
    path = {"updated": "updated_at", "popularity": "comments"}.get(sort, "created_at")
    found.sort(key=lambda one: (one[path], one["number"]), reverse=down == "desc")
    return [pull_shapes.simple(ctx, place, one) for one in ctx.page(found)]


def _labelled(pull: Entity) -> str:
    return f"{pull['head_owner']}:{pull['head_ref']}".lower()


@operation("GET /repos/{owner}/{repo}/pulls/{pull_number}")
def retrieve(ctx: Context, owner: str, repo: str, pull_number: str) -> Any:
    """One pull request; as a diff or as patches where the Accept header asks for that."""
    place = repository(ctx, owner, repo)
    issue, pull = find_pull(ctx, place, pull_number)
    accept = ctx.header("Accept") or ""
    for kind in ("diff", "patch"):
        if f"vnd.github.{kind}" in accept or f"vnd.github.v3.{kind}" in accept:
            text = pull_git.text(ctx, place, pull, kind)
            return Response(200, text, {"Content-Type": f"application/vnd.github.{kind}; charset=utf-8"})
    return pull_shapes.pull_request(ctx, place, issue)


@operation("PATCH /repos/{owner}/{repo}/pulls/{pull_number}")
def update(ctx: Context, owner: str, repo: str, pull_number: str) -> dict[str, Any]:
    """Other words, another base, closed or opened again."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, pull = find_pull(ctx, place, pull_number)
    need_author(ctx, place, issue["user"])
    body = ctx.body
    if "base" in body and body["base"] != pull["base_ref"]:
        issue = _rebased(ctx, place, issue, pull, body["base"])
    if "maintainer_can_modify" in body:
        ctx.update(pull, maintainer_can_modify=body["maintainer_can_modify"])
    words: dict[str, Any] = {
        name: body[name] for name in ("title", "body") if name in body and body[name] != issue[name]
    }
    if words:
        check_words("PullRequest", words)
        before = {name: {"from": issue[name] or ""} for name in words}
        if "title" in words:
            note(ctx, issue, "renamed", rename={"from": issue["title"], "to": words["title"]})
        issue = change(ctx, issue, **words)
        issue_telling.issue(ctx, place, issue, "edited", changes=before)
    return pull_shapes.pull_request(ctx, place, _restated(ctx, place, issue, pull, body.get("state")))


def _rebased(ctx: Context, repo: Entity, issue: Entity, pull: Entity, base: str) -> Entity:
    sha = pull_git.tip(ctx, repo, base)
    if sha is None:
        raise invalid("PullRequest", "base", "invalid", f"Proposed base branch '{base}' was not found")
    if issue["state"] != "open":
        raise invalid("PullRequest", "base", "custom", "Cannot change the base branch of a closed pull request.")
    sizes = measured(ctx, repo, sha, pull["head_sha"])
    if not sizes["commits"]:
        raise invalid(
            "PullRequest",
            "base",
            "custom",
            f"There are no new commits between base branch '{base}' and head branch '{pull['head_ref']}'",
        )
    ctx.update(pull, base_ref=base, **sizes)
    note(ctx, issue, "base_ref_changed")
    issue = change(ctx, issue)
    issue_telling.issue(
        ctx,
        repo,
        issue,
        "edited",
        changes={"base": {"ref": {"from": pull["base_ref"]}, "sha": {"from": pull["base_sha"]}}},
    )
    return issue


def _restated(ctx: Context, repo: Entity, issue: Entity, pull: Entity, state: str | None) -> Entity:
    if state in {None, issue["state"]}:
        return issue
    if state == "closed":
        issue = close(ctx, issue)
        issue_telling.issue(ctx, repo, issue, "closed")
        return issue
    if pull["merged"]:
        raise invalid("PullRequest", "state", "custom", "state cannot be changed. The pull request is merged.")
    if not pull_git.head_is_there(ctx, pull):
        raise invalid(
            "PullRequest",
            "state",
            "custom",
            f"state cannot be changed. The {pull['head_ref']} branch has been deleted.",
        )
    issue = reopen(ctx, issue)
    issue_telling.issue(ctx, repo, issue, "reopened")
    return issue
