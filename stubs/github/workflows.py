"""Workflows of a repository: listed from its files, switched off and on, started by hand."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import pull_git, workflow_files, workflow_shapes
from .paging import shown_page
from .subjects import need, not_found, repository
from .workflow_runs import begin, workflow


@operation("GET /repos/{owner}/{repo}/actions/workflows")
def listed(ctx: Context, owner: str, repo: str) -> Any:
    """The workflows of the default branch."""
    place = repository(ctx, owner, repo)
    found = [(workflow(ctx, place, path), content) for path, content in workflow_files.files(ctx, place)]
    return shown_page(ctx, found, lambda one: workflow_shapes.workflow(place, *one), "workflows")


@operation("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}")
def retrieve(ctx: Context, owner: str, repo: str, workflow_id: str) -> dict[str, Any]:
    """One workflow, by id or file name."""
    place = repository(ctx, owner, repo)
    return workflow_shapes.workflow(place, *workflow_of(ctx, place, workflow_id))


@operation("PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable")
def disable(ctx: Context, owner: str, repo: str, workflow_id: str) -> Response:
    """It runs no more."""
    return _switched(ctx, repository(ctx, owner, repo, needs="push"), workflow_id, "disabled_manually")


@operation("PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable")
def enable(ctx: Context, owner: str, repo: str, workflow_id: str) -> Response:
    """It runs again."""
    return _switched(ctx, repository(ctx, owner, repo, needs="push"), workflow_id, "active")


@operation("POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches")
def dispatch(ctx: Context, owner: str, repo: str, workflow_id: str) -> Response:
    """Start it by hand, with inputs that it takes."""
    place = repository(ctx, owner, repo)
    kept, _ = workflow_of(ctx, place, workflow_id)
    need(ctx, place, "push")
    ref, given = ctx.body["ref"], ctx.body.get("inputs") or {}
    branch = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    sha = pull_git.of(ctx, place).resolve(branch)
    if sha is None:
        raise Refusal(422, None, f"No ref found for: {ref}")
    content = dict(workflow_files.files(ctx, place, sha)).get(kept["path"])
    asked = workflow_files.triggers(content or {})
    if content is None or "workflow_dispatch" not in asked:
        raise Refusal(422, None, "Workflow does not have 'workflow_dispatch' trigger")
    if kept["state"] != "active":
        raise Refusal(422, None, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    inputs = asked["workflow_dispatch"].get("inputs") or {} if isinstance(asked["workflow_dispatch"], dict) else {}
    odd = [f'"{name}"' for name in given if name not in inputs]
    if odd:
        raise Refusal(422, None, f"Unexpected inputs provided: [{', '.join(odd)}]")
    for name, rule in inputs.items():
        if isinstance(rule, dict) and rule.get("required") and "default" not in rule and not given.get(name):
            raise Refusal(422, None, f"Required input '{name}' not provided")
    run = begin(ctx, place, kept, content, event="workflow_dispatch", branch=branch, sha=sha, title="")
    if not ctx.body.get("return_run_details"):
        return Response(204)
    shown = workflow_shapes.run(ctx, place, run)
    return Response(200, {"workflow_run_id": shown["id"], "run_url": shown["url"], "html_url": shown["html_url"]})


def workflow_of(ctx: Context, repo: Entity, workflow_id: str) -> tuple[Entity, dict[str, Any]]:
    """A workflow's record and content, by id or file name; else 404."""
    for path, content in workflow_files.files(ctx, repo):
        kept = workflow(ctx, repo, path)
        if workflow_id in {kept.id, path.rpartition("/")[2]}:
            return kept, content
    raise not_found()


def _switched(ctx: Context, repo: Entity, workflow_id: str, state: str) -> Response:
    kept, _ = workflow_of(ctx, repo, workflow_id)
    ctx.update(kept, state=state, updated_at=ctx.now())
    return Response(204)
