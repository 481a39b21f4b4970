"""Merging pull requests, and what follows: the branch moves, issues are closed, the head may go."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from . import pull_git
from .issue_records import note
from .merge_rules import lacking
from .pull_closing import finish
from .pull_records import find_pull
from .pushes import pushed
from .subjects import api, need, open_for_writing, owner_of, repository, repository_numbered

_FORBIDDEN = {
    "merge": ("allow_merge_commit", "Merge commits are not allowed on this repository."),
    "squash": ("allow_squash_merge", "Squash merges are not allowed on this repository."),
    "rebase": ("allow_rebase_merge", "Rebase merges are not allowed on this repository."),
}


@operation("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge")
def merge(ctx: Context, owner: str, repo: str, pull_number: str) -> dict[str, Any]:
    """Merge, squash or rebase. 405 where it can't be, 409 where the head isn't what the caller thinks."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, pull = find_pull(ctx, place, pull_number)
    need(ctx, place, "push")
    body = ctx.body
    method = body.get("merge_method") or "merge"
    _able(place, issue, pull, method)
    missing = lacking(ctx, place, pull)
    if missing:
        raise Refusal(405, None, missing)
    if body.get("sha") not in {None, pull["head_sha"]}:
        raise Refusal(409, None, "Head branch was modified. Review and try the merge again.")
    title, text = _message(ctx, place, issue, pull, method, body)
    sha = pull_git.merge(ctx, place, pull, method, f"{title}\n\n{text}" if text else title)
    if sha is None:
        raise Refusal(405, None, "Pull Request is not mergeable")
    finish(ctx, place, issue, pull, sha)
    updates = [pull_git.move(ctx, place, pull["base_ref"], sha)]
    if place.get("delete_branch_on_merge") and pull["head_repo"] == place["id"]:
        updates.append(pull_git.drop(ctx, place, pull["head_ref"]))
        note(ctx, issue, "head_ref_deleted")
    pushed(ctx, place, updates)
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


def _able(repo: Entity, issue: Entity, pull: Entity, method: str) -> None:
    if pull["merged"] or issue["state"] != "open":
        raise Refusal(405, None, "Pull Request is not mergeable")
    if pull["draft"]:
        raise Refusal(405, None, "Pull Request is still a draft")
    setting, message = _FORBIDDEN[method]
    if not repo.get(setting, True):
        raise Refusal(405, None, message)


def _message(  # noqa: PLR0917 - what a message is made of
    ctx: Context, repo: Entity, issue: Entity, pull: Entity, method: str, body: Mapping[str, Any]
) -> tuple[str, str]:
    """The commit's title and text: as they are asked for, else as GitHub makes them."""
    if method == "squash":
        commits = pull_git.commits(ctx, repo, pull["base_sha"], pull["head_sha"])
        title = f"{issue['title']} (#{issue['number']})"
        if len(commits) == 1:
            text = commits[0].message.partition("\n")[2].strip()
        else:
            text = "\n\n".join(f"* {commit.message.strip()}" for commit in commits)
    else:
        title = f"Merge pull request #{issue['number']} from {pull['head_owner']}/{pull['head_ref']}"
        text = issue["title"]
    return body.get("commit_title") or title, body.get("commit_message", text)


@operation("PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch")
def update_branch(ctx: Context, owner: str, repo: str, pull_number: str) -> Response:
    """Merge the base into the head, so that the head has all that the base has."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, pull = find_pull(ctx, place, pull_number)
    need(ctx, place, "push")
    if ctx.body.get("expected_head_sha") not in {None, pull["head_sha"]}:
        raise Refusal(422, None, "expected head sha didn't match current head ref.")
    if issue["state"] != "open":
        raise Refusal(422, None, "Cannot update the branch of a closed pull request.")
    home = f"{owner_of(ctx, place)['login']}:{pull['base_ref']}"
    sha = pull_git.catch_up(ctx, place, pull, f"Merge branch '{pull['base_ref']}' into {pull['head_ref']}")
    if sha == pull["head_sha"]:
        raise Refusal(422, None, f"There are no new commits on the base branch {home}.")
    if sha is None:
        raise Refusal(422, None, "merge conflict between base and head")
    home_repo = repository_numbered(ctx, pull["head_repo"])
    assert home_repo is not None
    pull_git.bring(ctx, home_repo, place, sha)
    pushed(ctx, home_repo, [pull_git.move(ctx, home_repo, pull["head_ref"], sha)])
    return Response(202, {"message": "Updating pull request branch.", "url": f"{api(place)}/pulls/{issue['number']}"})
