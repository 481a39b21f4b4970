"""Runs and jobs: listed, looked at, stopped, tried again; their logs."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import workflow_shapes
from .paging import shown_page
from .subjects import need, not_found, repository
from .workflow_logs import job_log, zipped
from .workflow_runs import again, end
from .workflows import workflow_of


@operation("GET /repos/{owner}/{repo}/actions/runs")
def listed(ctx: Context, owner: str, repo: str) -> Any:
    """The runs of a repository, the newest first."""
    return _listed(ctx, repository(ctx, owner, repo))


@operation("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs")
def of_workflow(ctx: Context, owner: str, repo: str, workflow_id: str) -> Any:
    """The runs of one workflow."""
    place = repository(ctx, owner, repo)
    kept, _ = workflow_of(ctx, place, workflow_id)
    return _listed(ctx, place, workflow=int(kept["id"]))


def _listed(ctx: Context, repo: Entity, **where: Any) -> Any:
    query = ctx.query
    named = {"branch": "branch", "event": "event", "head_sha": "sha", "actor": "actor"}
    where |= {mine: query[theirs] for theirs, mine in named.items() if query.get(theirs)}
    found = ctx.list("workflow_run", repo=repo["id"], **where)
    status = query.get("status")
    found = [one for one in found if status in {None, one["status"], one["conclusion"]}]
    return shown_page(ctx, found, lambda one: workflow_shapes.run(ctx, repo, one), "workflow_runs")


@operation("GET /repos/{owner}/{repo}/actions/runs/{run_id}")
def retrieve(ctx: Context, owner: str, repo: str, run_id: str) -> dict[str, Any]:
    """One run."""
    place = repository(ctx, owner, repo)
    return workflow_shapes.run(ctx, place, run_of(ctx, place, run_id))


@operation("DELETE /repos/{owner}/{repo}/actions/runs/{run_id}")
def delete(ctx: Context, owner: str, repo: str, run_id: str) -> Response:
    """Forget a run that is over."""
    place = repository(ctx, owner, repo)
    run = run_of(ctx, place, run_id)
    need(ctx, place, "push")
    if run["status"] != "completed":
        raise Refusal(403, None, "Cannot delete a workflow run that is not completed.")
    for one in ctx.list("workflow_job", run=int(run["id"])):
        ctx.delete(one)
    ctx.delete(run)
    return Response(204)


@operation("POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel")
def cancel(ctx: Context, owner: str, repo: str, run_id: str) -> Response:
    """Stop a run."""
    place = repository(ctx, owner, repo)
    run = run_of(ctx, place, run_id)
    need(ctx, place, "push")
    if run["status"] == "completed":
        raise Refusal(409, None, "Cannot cancel a workflow run that is completed.")
    end(ctx, place, run, "cancelled")
    return Response(202, {})


@operation("POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun")
def rerun(ctx: Context, owner: str, repo: str, run_id: str) -> Response:
    """Run all of it again."""
    return _again(ctx, repository(ctx, owner, repo), run_id)


@operation("POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs")
def rerun_failed(ctx: Context, owner: str, repo: str, run_id: str) -> Response:
    """Run again what failed: here, all jobs of a run end alike."""
    return _again(ctx, repository(ctx, owner, repo), run_id)


def _again(ctx: Context, repo: Entity, run_id: str) -> Response:
    run = run_of(ctx, repo, run_id)
    need(ctx, repo, "push")
    if run["status"] != "completed":
        raise Refusal(403, None, "The workflow run is already running")
    again(ctx, repo, run)
    return Response(201, {})


@operation("GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs")
def jobs(ctx: Context, owner: str, repo: str, run_id: str) -> Any:
    """The jobs of a run: of its last attempt, or of all."""
    place = repository(ctx, owner, repo)
    run = run_of(ctx, place, run_id)
    whole = ctx.query.get("filter") == "all"
    where = {} if whole else {"attempt": run["attempt"]}
    found = ctx.list("workflow_job", newest_first=False, run=int(run["id"]), **where)
    return shown_page(ctx, found, lambda one: workflow_shapes.job(place, one, run), "jobs")


@operation("GET /repos/{owner}/{repo}/actions/jobs/{job_id}")
def job(ctx: Context, owner: str, repo: str, job_id: str) -> dict[str, Any]:
    """One job."""
    place = repository(ctx, owner, repo)
    found, run = _job(ctx, place, job_id)
    return workflow_shapes.job(place, found, run)


@operation("GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs")
def logs(ctx: Context, owner: str, repo: str, job_id: str) -> Response:
    """What a job wrote: one line for each step."""
    place = repository(ctx, owner, repo)
    found, _ = _job(ctx, place, job_id)
    if found["status"] != "completed":
        raise not_found()
    return Response(200, job_log(found), {"Content-Type": "text/plain; charset=utf-8"})


@operation("GET /repos/{owner}/{repo}/actions/runs/{run_id}/logs")
def run_logs(ctx: Context, owner: str, repo: str, run_id: str) -> Response:
    """The logs of all jobs, zipped."""
    place = repository(ctx, owner, repo)
    run = run_of(ctx, place, run_id)
    if run["status"] != "completed":
        raise not_found()
    found = ctx.list("workflow_job", newest_first=False, run=int(run["id"]), attempt=run["attempt"])
    named = {f"{count}_{one['name']}.txt": job_log(one).encode() for count, one in enumerate(found)}
    return Response(200, zipped(named), {"Content-Type": "application/zip"})


@operation("GET /repos/{owner}/{repo}/actions/artifacts")
def artifacts(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """Nothing is run, so nothing is left behind."""
    repository(ctx, owner, repo)
    return {"total_count": 0, "artifacts": []}


@operation("GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts")
def run_artifacts(ctx: Context, owner: str, repo: str, run_id: str) -> dict[str, Any]:
    """Likewise."""
    run_of(ctx, repository(ctx, owner, repo), run_id)
    return {"total_count": 0, "artifacts": []}


def run_of(ctx: Context, repo: Entity, run_id: str) -> Entity:
    """A run of this repository; else 404."""
    found = ctx.find("workflow_run", run_id)
    if found is None or found["repo"] != repo["id"]:
        raise not_found()
    return found


def _job(ctx: Context, repo: Entity, job_id: str) -> tuple[Entity, Entity]:
    found = ctx.find("workflow_job", job_id)
    if found is None or found["repo"] != repo["id"]:
        raise not_found()
    return found, run_of(ctx, repo, str(found["run"]))
