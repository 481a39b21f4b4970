"""Workflows by PyGithub: run by pushes, pull requests and by hand, on the world's clock; checks, statuses, secrets."""

import io
import zipfile
from pathlib import Path
from typing import Any

import github
import pytest
from github.Repository import Repository

from childproof.stubkit.stub import Stub
from tests.stubs.inprocess import world_of

from .conftest import Api, InProcess, hub

CI = """
name: CI
on:
  push: {branches: [main, 'release/**']}
  workflow_dispatch:
    inputs: {level: {required: true, type: string}}
jobs:
  build:
    runs-on: ubuntu-latest
    steps: [{uses: actions/checkout@v4}, {name: Test, run: make test}]
"""


@pytest.fixture
def repo(client: github.Github) -> Repository:
    made = client.get_user().create_repo("shop", auto_init=True)
    made.create_file(".github/workflows/ci.yml", "Add CI", CI, branch=made.default_branch)
    return made


def refused(action: Any, *arguments: Any, **options: Any) -> tuple[int, Any]:
    with pytest.raises(github.GithubException) as caught:
        action(*arguments, **options)
    return caught.value.status, caught.value.data["message"]


def test_a_push_runs_a_workflow(repo: Repository, api: Api) -> None:
    """Queued, in progress, completed; with its jobs, steps and logs."""
    [workflow] = repo.get_workflows()
    assert (workflow.name, workflow.path, workflow.state) == ("CI", ".github/workflows/ci.yml", "active")
    [run] = repo.get_workflow_runs()
    assert (run.event, run.head_branch, run.status, run.conclusion, run.run_number) == (
        "push",
        "main",
        "queued",
        None,
        1,
    )
    api.passes(5)
    assert repo.get_workflow_run(run.id).status == "in_progress"
    api.passes(20)
    run = repo.get_workflow_run(run.id)
    assert (run.status, run.conclusion) == ("completed", "success")
    [job] = run.jobs()
    assert [step.name for step in job.steps] == ["Set up job", "Run actions/checkout@v4", "Test", "Complete job"]
    logs = api.call("GET", f"{run.url}/logs").raw
    [name] = zipfile.ZipFile(io.BytesIO(logs)).namelist()
    assert b"##[group]Test" in zipfile.ZipFile(io.BytesIO(logs)).read(name)
    assert run.rerun()
    assert repo.get_workflow_run(run.id).run_attempt == 2
    assert repo.get_workflow_run(run.id).cancel()
    assert repo.get_workflow_run(run.id).conclusion == "cancelled"
    api.passes(60)
    assert repo.get_workflow_run(run.id).conclusion == "cancelled"
    assert api.told().count("workflow_run.completed") == 2
    repo.create_git_ref("refs/heads/feature", repo.get_git_ref("heads/main").object.sha)
    assert repo.get_workflow_runs().totalCount == 1


def test_a_workflow_is_started_by_hand(repo: Repository, api: Api) -> None:
    """With the inputs that it takes, and no others; not while it is off."""
    workflow = repo.get_workflow("ci.yml")
    assert workflow.create_dispatch("main", {"level": "high"}, throw=True)
    assert [run.event for run in workflow.get_runs(event="workflow_dispatch")] == ["workflow_dispatch"]
    assert refused(workflow.create_dispatch, "main", {}, throw=True) == (422, "Required input 'level' not provided")
    assert (
        refused(workflow.create_dispatch, "main", {"odd": "1"}, throw=True)[1] == 'Unexpected inputs provided: ["odd"]'
    )
    assert refused(workflow.create_dispatch, "nowhere", {"level": "1"}, throw=True)[1] == "No ref found for: nowhere"
    assert workflow.disable()
    assert refused(workflow.create_dispatch, "main", {"level": "1"}, throw=True)[0] == 422
    assert workflow.get_runs().totalCount == 2


def test_statuses_are_combined(repo: Repository) -> None:
    """The latest of each context counts; a commit that isn't there has none."""
    commit = repo.get_commit(repo.get_git_ref("heads/main").object.sha)
    assert commit.get_combined_status().state == "pending"
    commit.create_status("pending", context="ci")
    commit.create_status("success", "https://ci.example", "Fine", "ci")
    commit.create_status("success", context="lint")
    assert commit.get_combined_status().state == "success"
    commit.create_status("failure", context="lint")
    combined = commit.get_combined_status()
    assert (combined.state, combined.total_count, commit.get_statuses().totalCount) == ("failure", 2, 4)


def test_checks_are_kept_for_a_commit(repo: Repository) -> None:
    """Begun, completed, listed; in a suite with the others."""
    sha = repo.get_git_ref("heads/main").object.sha
    run = repo.create_check_run("lint", sha, status="in_progress")
    run.edit(conclusion="failure", output={"title": "Lint", "summary": "2 faults"})
    [found] = repo.get_commit(sha).get_check_runs()
    assert (found.name, found.status, found.conclusion, found.output.summary) == (
        "lint",
        "completed",
        "failure",
        "2 faults",
    )
    [suite] = repo.get_commit(sha).get_check_suites()
    assert (suite.conclusion, suite.latest_check_runs_count) == ("failure", 1)
    assert refused(repo.create_check_run, "lint", "0" * 40)[0] == 422


def test_secrets_stay_sealed_and_variables_are_read(repo: Repository, api: Api) -> None:
    """Whoever asks for a secret gets its name; names are GitHub's."""
    repo.create_secret("deploy_key", "hush")
    assert [one.name for one in repo.get_secrets()] == ["DEPLOY_KEY"]
    assert "hush" not in str([reply.raw for reply in api.replies])
    repo.delete_secret("DEPLOY_KEY")
    assert repo.get_secrets().totalCount == 0
    repo.create_variable("STAGE", "test")
    assert repo.get_variable("STAGE").value == "test"
    assert refused(repo.create_variable, "STAGE", "again")[0] == 409
    repo.get_variable("STAGE").edit("live")
    assert repo.get_variable("STAGE").value == "live"
    assert refused(repo.create_variable, "1odd", "x")[0] == 422


def test_a_world_file_says_which_workflows_fail(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the file; others end well."""
    text = "world: red\ngithub: {workflow_outcomes: [{workflow: ci.yml, conclusion: failure}]}\n"
    with world_of(text, tmp_path) as world:
        api = Api(stub, world)
        monkeypatch.setattr("requests.Session.get_adapter", lambda *_, **__: InProcess(api))
        repo = hub("ghp_childproof").get_user().create_repo("shop")
        repo.create_file(".github/workflows/ci.yml", "Add CI", CI)
        repo.create_file(".github/workflows/lint.yml", "Add lint", "name: Lint\non: push\njobs: {lint: {steps: []}}\n")
        api.passes(60)
        ended = {(run.name, run.conclusion) for run in repo.get_workflow_runs()}
    assert ended == {("CI", "failure"), ("Lint", "success")}
