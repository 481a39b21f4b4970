"""Check runs and their suites: made by whoever checks something, listed for a commit."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import pull_git
from .activity import told
from .paging import shown_page
from .subjects import api, gid, node_id, not_found, repository, repository_in_full, web

_KEPT = ("details_url", "external_id", "started_at", "completed_at", "conclusion", "status", "name")


@operation("POST /repos/{owner}/{repo}/check-runs")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """A check of a commit. GitHub takes them from apps alone; here anybody who may push is one."""
    place = repository(ctx, owner, repo, needs="push")
    sha = ctx.body["head_sha"]
    if pull_git.of(ctx, place).kind(sha) != "commit":
        raise Refusal(422, None, f"No commit found for SHA: {sha}")
    number = gid(ctx, "check_run")
    blank = {
        "details_url": None,
        "external_id": "",
        "started_at": ctx.now(),
        "completed_at": None,
        "conclusion": None,
        "status": "queued",
    }
    run = ctx.create(
        "check_run", str(number), repo=place["id"], sha=sha, suite=int(_suite(ctx, place, sha)["id"]),
        output=_output(ctx), **{**blank, **_fields(ctx)},
    )  # fmt: skip
    _told(ctx, place, run, "completed" if run["status"] == "completed" else "created")
    return Response(201, shown(place, run))


@operation("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}")
def update(ctx: Context, owner: str, repo: str, check_run_id: str) -> dict[str, Any]:
    """It goes on, or is over."""
    place = repository(ctx, owner, repo, needs="push")
    run = _get(ctx, place, check_run_id)
    output = {**run["output"], **_output(ctx)} if "output" in ctx.body else run["output"]
    before = run["status"]
    run = ctx.update(run, output=output, **_fields(ctx))
    if run["status"] == "completed" and before != "completed":
        _told(ctx, place, run, "completed")
    return shown(place, run)


@operation("GET /repos/{owner}/{repo}/check-runs/{check_run_id}")
def retrieve(ctx: Context, owner: str, repo: str, check_run_id: str) -> dict[str, Any]:
    """One check."""
    place = repository(ctx, owner, repo)
    return shown(place, _get(ctx, place, check_run_id))


@operation("GET /repos/{owner}/{repo}/commits/{ref}/check-runs")
def of_commit(ctx: Context, owner: str, repo: str, ref: str) -> Any:
    """The checks of a commit: the latest of each name, or all."""
    place = repository(ctx, owner, repo)
    sha = pull_git.of(ctx, place).resolve(ref)
    if sha is None:
        raise Refusal(422, None, f"No commit found for SHA: {ref}")
    found = ctx.list("check_run", repo=place["id"], sha=sha)
    return shown_page(ctx, _asked(ctx, found), lambda one: shown(place, one), "check_runs")


@operation("GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs")
def of_suite(ctx: Context, owner: str, repo: str, check_suite_id: str) -> Any:
    """The checks of a suite."""
    place = repository(ctx, owner, repo)
    found = ctx.list("check_run", repo=place["id"], suite=int(check_suite_id) if check_suite_id.isdigit() else 0)
    return shown_page(ctx, _asked(ctx, found), lambda one: shown(place, one), "check_runs")


@operation("GET /repos/{owner}/{repo}/commits/{ref}/check-suites")
def suites(ctx: Context, owner: str, repo: str, ref: str) -> Any:
    """The suites of a commit: one for all of its checks."""
    place = repository(ctx, owner, repo)
    sha = pull_git.of(ctx, place).resolve(ref)
    found = ctx.list("check_suite", repo=place["id"], sha=sha)
    return shown_page(ctx, found, lambda one: _shown_suite(ctx, place, one), "check_suites")


def shown(repo: Entity, run: Entity) -> dict[str, Any]:
    """A check run."""
    number = int(run["id"])
    url = f"{api(repo)}/check-runs/{number}"
    return {
        "id": number,
        "node_id": node_id("CR", repo["id"], number),
        "head_sha": run["sha"],
        "url": url,
        "html_url": f"{web(repo)}/runs/{number}",
        **{name: run[name] for name in _KEPT},
        "output": {**run["output"], "annotations_count": 0, "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": run["suite"]},
        "app": None,
        "pull_requests": [],
    }


def latest_of(ctx: Context, repo: Entity, sha: str) -> list[Entity]:
    """The latest check of each name."""
    return list(
        {one["name"]: one for one in ctx.list("check_run", newest_first=False, repo=repo["id"], sha=sha)}.values()
    )


def _asked(ctx: Context, found: list[Entity]) -> list[Entity]:
    query = ctx.query
    if query.get("filter", "latest") == "latest":
        found = list({one["name"]: one for one in reversed(found)}.values())
    named = {"name": query.get("check_name"), "status": query.get("status")}
    return [one for one in found if all(value in {None, one[name]} for name, value in named.items())]


def _suite(ctx: Context, repo: Entity, sha: str) -> Entity:
    found = next(iter(ctx.list("check_suite", repo=repo["id"], sha=sha, limit=1)), None)
    if found is not None:
        return found
    number = gid(ctx, "check_suite")
    return ctx.create("check_suite", str(number), repo=repo["id"], sha=sha, created_at=ctx.now())


def _shown_suite(ctx: Context, repo: Entity, suite: Entity) -> dict[str, Any]:
    number, sha = int(suite["id"]), suite["sha"]
    runs = latest_of(ctx, repo, sha)
    done = bool(runs) and all(run["status"] == "completed" for run in runs)
    failed = next(
        (run["conclusion"] for run in runs if run["conclusion"] not in {"success", "neutral", "skipped"}), "success"
    )
    commit = pull_git.of(ctx, repo).commit(sha)
    url = f"{api(repo)}/check-suites/{number}"
    return {
        "id": number,
        "node_id": node_id("CS", repo["id"], number),
        "head_branch": None,
        "head_sha": sha,
        "status": "completed" if done else "queued",
        "conclusion": failed if done else None,
        "url": url,
        "before": commit.parents[0] if commit.parents else None,
        "after": sha,
        "pull_requests": [],
        "app": None,
        "repository": repository_in_full(ctx, repo),
        "created_at": suite["created_at"],
        "updated_at": suite["created_at"],
        "head_commit": {
            "id": sha,
            "tree_id": commit.tree,
            "message": commit.message.rstrip("\n"),
            "timestamp": commit.committer.date(),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        },
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
    }


def _fields(ctx: Context) -> dict[str, Any]:
    """What a request says of a check; one that has a conclusion is over."""
    given = {name: ctx.body[name] for name in _KEPT if name in ctx.body}
    if given.get("conclusion"):
        given = {"status": "completed", "completed_at": ctx.now(), **given}
    return given


def _output(ctx: Context) -> dict[str, Any]:
    given = ctx.body.get("output") or {}
    return {name: given.get(name) for name in ("title", "summary", "text")}


def _get(ctx: Context, repo: Entity, check_run_id: str) -> Entity:
    found = ctx.find("check_run", check_run_id)
    if found is None or found["repo"] != repo["id"]:
        raise not_found()
    return found


def _told(ctx: Context, repo: Entity, run: Entity, action: str) -> None:
    subject = {"name": run["name"], "conclusion": run["conclusion"], "sha": run["sha"]}
    told(ctx, repo, "check_run", action, subject, lambda: {"check_run": shown(repo, run)})
