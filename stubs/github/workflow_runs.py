"""Runs of workflows: begun by pushes, pull requests and calls; queued, in progress, completed on the world's clock."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, job

from . import workflow_files, workflow_shapes
from .activity import told
from .subjects import acting, gid, repository_numbered

STARTS, ENDS = 2_000, 8_000  # ms after it was queued, and after it began: nothing is really run


def workflow(ctx: Context, repo: Entity, path: str) -> Entity:
    """The record of a workflow's file; made when it is first met."""
    found = next(iter(ctx.list("workflow", repo=repo["id"], path=path, limit=1)), None)
    if found is not None:
        return found
    number = gid(ctx, "workflow")
    return ctx.create(
        "workflow",
        str(number),
        repo=repo["id"],
        path=path,
        state="active",
        runs=0,
        created_at=ctx.now(),
        updated_at=ctx.now(),
    )


def triggered(ctx: Context, repo: Entity, event: str, *, branch: str, sha: str, title: str = "") -> None:
    """Begin what runs for an event."""
    for path, content in workflow_files.files(ctx, repo, sha):
        if workflow_files.wants(content, event, branch):
            kept = workflow(ctx, repo, path)
            if kept["state"] == "active":
                begin(ctx, repo, kept, content, event=event, branch=branch, sha=sha, title=title)


def begin(ctx: Context, repo: Entity, kept: Entity, content: Mapping[str, Any], **of: str) -> Entity:
    """A new run. `of` has `event`, `branch`, `sha` and `title`."""
    kept = ctx.update(kept, runs=kept["runs"] + 1)
    number = gid(ctx, "workflow_run")
    name = str(content.get("name") or kept["path"])
    run = ctx.create(
        "workflow_run", str(number), repo=repo["id"], workflow=int(kept["id"]), path=kept["path"], name=name, number=kept["runs"],
        attempt=1, event=of["event"], branch=of["branch"], sha=of["sha"], title=of["title"] or name, actor=acting(ctx),
        status="queued", conclusion=None, created_at=ctx.now(), updated_at=ctx.now(), started_at=ctx.now(),
    )  # fmt: skip
    for title, steps, labels in workflow_files.jobs(content):
        one = gid(ctx, "workflow_job")
        ctx.create(
            "workflow_job", str(one), repo=repo["id"], run=number, attempt=1, name=title, steps=steps, labels=labels,
            status="queued", conclusion=None, created_at=ctx.now(), started_at=ctx.now(), completed_at=None,
        )  # fmt: skip
    _told(ctx, repo, run, "requested")
    ctx.schedule(STARTS, "workflow_started", {"run": run.id, "attempt": 1})
    return run


def again(ctx: Context, repo: Entity, run: Entity) -> Entity:
    """Another attempt of a run."""
    attempt = run["attempt"] + 1
    run = ctx.update(run, attempt=attempt, status="queued", conclusion=None, updated_at=ctx.now(), started_at=ctx.now())
    for one in ctx.list("workflow_job", newest_first=False, run=int(run["id"]), attempt=attempt - 1):
        number = gid(ctx, "workflow_job")
        fields = {name: one[name] for name in ("repo", "run", "name", "steps", "labels")}
        ctx.create(
            "workflow_job", str(number), **fields, attempt=attempt, status="queued", conclusion=None, created_at=ctx.now(),
            started_at=ctx.now(), completed_at=None,
        )  # fmt: skip
    _told(ctx, repo, run, "requested")
    ctx.schedule(STARTS, "workflow_started", {"run": run.id, "attempt": attempt})
    return run


def end(ctx: Context, repo: Entity, run: Entity, conclusion: str) -> Entity:
    """A run is over, and so are its jobs."""
    for one in ctx.list("workflow_job", newest_first=False, run=int(run["id"]), attempt=run["attempt"]):
        if one["status"] != "completed":
            ctx.update(one, status="completed", conclusion=conclusion, completed_at=ctx.now())
    run = ctx.update(run, status="completed", conclusion=conclusion, updated_at=ctx.now())
    _told(ctx, repo, run, "completed")
    return run


@job("workflow_started")
def started(ctx: Context, payload: dict[str, Any]) -> None:
    """A run's jobs begin, if it wasn't canceled or begun anew."""
    run, repo = _due(ctx, payload, "queued")
    if run is None or repo is None:
        return
    for one in ctx.list("workflow_job", run=int(run["id"]), attempt=run["attempt"]):
        ctx.update(one, status="in_progress", started_at=ctx.now())
    run = ctx.update(run, status="in_progress", updated_at=ctx.now())
    _told(ctx, repo, run, "in_progress")
    ctx.schedule(ENDS, "workflow_ended", payload)


@job("workflow_ended")
def ended(ctx: Context, payload: dict[str, Any]) -> None:
    """A run comes to what the world says of its workflow: success, where it says nothing."""
    run, repo = _due(ctx, payload, "in_progress")
    if run is None or repo is None:
        return
    names = {run["name"], run["path"], run["path"].rpartition("/")[2]}
    said = (one for one in ctx.list("workflow_outcome") if one["workflow"] in names)
    end(ctx, repo, run, next((one["conclusion"] for one in said), "success"))


def _due(ctx: Context, payload: Mapping[str, Any], status: str) -> tuple[Entity | None, Entity | None]:
    run = ctx.find("workflow_run", payload["run"])
    if run is None or run["attempt"] != payload["attempt"] or run["status"] != status:
        return None, None
    return run, repository_numbered(ctx, run["repo"])


def _told(ctx: Context, repo: Entity, run: Entity, action: str) -> None:
    subject = {"name": run["name"], "conclusion": run["conclusion"], "branch": run["branch"]}

    def payload() -> dict[str, Any]:
        kept = ctx.get("workflow", str(run["workflow"]))
        content = {"name": run["name"]}
        return {
            "workflow_run": workflow_shapes.run(ctx, repo, run),
            "workflow": workflow_shapes.workflow(repo, kept, content),
        }

    told(ctx, repo, "workflow_run", action, subject, payload)
