"""Workflows, runs and jobs as GitHub shows them."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from . import pull_git
from .subjects import api, node_id, repository_in_full, user, web


def workflow(repo: Entity, kept: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """A workflow by its file."""
    number, file = int(kept["id"]), kept["path"].rpartition("/")[2]
    return {
        "id": number,
        "node_id": node_id("W", repo["id"], number),
        "name": str(content.get("name") or kept["path"]),
        "path": kept["path"],
        "state": kept["state"],
        "created_at": kept["created_at"],
        "updated_at": kept["updated_at"],
        "url": f"{api(repo)}/actions/workflows/{number}",
        "html_url": f"{web(repo)}/blob/{repo['default_branch']}/{kept['path']}",
        "badge_url": f"{web(repo)}/workflows/{file}/badge.svg",
    }


def run(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A run."""
    number = int(found["id"])
    url = f"{api(repo)}/actions/runs/{number}"
    commit = pull_git.of(ctx, repo).commit(found["sha"])
    home = repository_in_full(ctx, repo)
    return {
        "id": number,
        "name": found["name"],
        "node_id": node_id("WFR", repo["id"], number),
        "head_branch": found["branch"],
        "head_sha": found["sha"],
        "path": found["path"],
        "display_title": commit.message.partition("\n")[0] if found["event"] == "push" else found["title"],
        "run_number": found["number"],
        "event": found["event"],
        "status": found["status"],
        "conclusion": found["conclusion"],
        "workflow_id": found["workflow"],
        "check_suite_id": number,
        "check_suite_node_id": node_id("CS", repo["id"], number),
        "url": url,
        "html_url": f"{web(repo)}/actions/runs/{number}",
        "pull_requests": [],
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "actor": user(ctx, found["actor"]),
        "run_attempt": found["attempt"],
        "referenced_workflows": [],
        "run_started_at": found["started_at"],
        "triggering_actor": user(ctx, found["actor"]),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api(repo)}/check-suites/{number}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{found['attempt'] - 1}" if found["attempt"] > 1 else None,
        "workflow_url": f"{api(repo)}/actions/workflows/{found['workflow']}",
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message.rstrip("\n"),
            "timestamp": commit.committer.date(),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        },
        "repository": home,
        "head_repository": home,
    }


def job(repo: Entity, found: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
    """A job with its steps; `of` is its run."""
    number = int(found["id"])
    begun, done = found["status"] != "queued", found["status"] == "completed"
    started, ended = found["started_at"] if begun else None, found["completed_at"]
    return {
        "id": number,
        "run_id": found["run"],
        "workflow_name": of["name"],
        "head_branch": of["branch"],
        "run_url": f"{api(repo)}/actions/runs/{found['run']}",
        "run_attempt": found["attempt"],
        "node_id": node_id("CR", repo["id"], number),
        "head_sha": of["sha"],
        "url": f"{api(repo)}/actions/jobs/{number}",
        "html_url": f"{web(repo)}/actions/runs/{found['run']}/job/{number}",
        "status": found["status"],
        "conclusion": found["conclusion"],
        "created_at": found["created_at"],
        "started_at": found["started_at"],
        "completed_at": ended,
        "name": found["name"],
        "steps": [
            {
                "name": name,
                "status": found["status"],
                "conclusion": found["conclusion"] if done else None,
                "number": place,
                "started_at": started,
                "completed_at": ended,
            }
            for place, name in enumerate(found["steps"], start=1)
        ]
        if begun
        else [],
        "check_run_url": f"{api(repo)}/check-runs/{number}",
        "labels": found["labels"],
        "runner_id": 1 if begun else None,
        "runner_name": "GitHub Actions 1" if begun else None,
        "runner_group_id": 0 if begun else None,
        "runner_group_name": "GitHub Actions" if begun else None,
    }
