"""Pull requests, reviews and comments on code as GitHub shows them."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from . import issue_shapes, pull_git
from .subjects import api, association, node_id, owner_of, repository_in_full, repository_numbered, user, web


def simple(ctx: Context, repo: Entity, issue: Mapping[str, Any]) -> dict[str, Any]:
    """A pull request as lists show it."""
    pull = ctx.get("pull", f"{repo['id']}-{issue['number']}")
    number = issue["number"]
    url, page, home = f"{api(repo)}/pulls/{number}", f"{web(repo)}/pull/{number}", api(repo)
    people = [one for login in issue["assignees"] if (one := user(ctx, login)) is not None]
    links = {
        "self": url,
        "html": page,
        "issue": f"{home}/issues/{number}",
        "comments": f"{home}/issues/{number}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{home}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{home}/statuses/{pull['head_sha']}",
    }
    return {
        "url": url,
        "id": pull["gid"],
        "node_id": node_id("PR", pull["gid"]),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": links["issue"],
        "number": number,
        "state": issue["state"],
        "locked": issue["locked"],
        "title": issue["title"],
        "user": user(ctx, issue["user"]),
        "body": issue["body"],
        "created_at": issue["created_at"],
        "updated_at": issue["updated_at"],
        "closed_at": issue["closed_at"],
        "merged_at": pull["merged_at"],
        "merge_commit_sha": pull["merge_sha"],
        "assignee": people[0] if people else None,
        "assignees": people,
        "requested_reviewers": [one for login in pull["reviewers"] if (one := user(ctx, login)) is not None],
        "requested_teams": [],
        "labels": [{**one, "description": one["description"] or ""} for one in issue_shapes.labels(ctx, repo, issue)],
        "milestone": issue_shapes.milestone_of(ctx, repo, issue),
        "draft": pull["draft"],
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": links["statuses"],
        "head": _side(ctx, pull["head_repo"], pull["head_owner"], pull["head_ref"], pull["head_sha"]),
        "base": _side(ctx, repo["id"], owner_of(ctx, repo)["login"], pull["base_ref"], pull["base_sha"]),
        "_links": {name: {"href": address} for name, address in links.items()},
        "author_association": association(ctx, repo, issue["user"]),
        "auto_merge": None,
        "active_lock_reason": issue["lock_reason"],
    }


def pull_request(ctx: Context, repo: Entity, issue: Mapping[str, Any]) -> dict[str, Any]:
    """A pull request in full, with whether it can be merged."""
    pull = ctx.get("pull", f"{repo['id']}-{issue['number']}")
    able, state = pull_git.mergeable(ctx, repo, issue, pull)
    return {
        **simple(ctx, repo, issue),
        "merged": pull["merged"],
        "mergeable": able,
        "rebaseable": able,
        "mergeable_state": state,
        "merged_by": user(ctx, pull["merged_by"]),
        "comments": issue["comments"],
        "review_comments": pull["review_comments"],
        "maintainer_can_modify": pull["maintainer_can_modify"],
        "commits": pull["commits"],
        "additions": pull["additions"],
        "deletions": pull["deletions"],
        "changed_files": pull["changed_files"],
    }


def _side(ctx: Context, repo_id: int, login: str, ref: str, sha: str) -> dict[str, Any]:
    place = repository_numbered(ctx, repo_id)
    return {
        "label": f"{login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(ctx, login),
        "repo": None if place is None else repository_in_full(ctx, place),
    }


def review(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A review. One that isn't submitted yet has no time."""
    number = int(found["id"])
    page = f"{web(repo)}/pull/{found['number']}#pullrequestreview-{number}"
    home = f"{api(repo)}/pulls/{found['number']}"
    made = {
        "id": number,
        "node_id": node_id("PRR", number),
        "user": user(ctx, found["user"]),
        "body": found["body"],
        "state": found["state"],
        "html_url": page,
        "pull_request_url": home,
        "author_association": association(ctx, repo, found["user"]),
        "_links": {"html": {"href": page}, "pull_request": {"href": home}},
        "commit_id": found["commit_id"],
    }
    return made if found["submitted_at"] is None else {**made, "submitted_at": found["submitted_at"]}


def comment(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A comment on code."""
    number = int(found["id"])
    url = f"{api(repo)}/pulls/comments/{number}"
    page = f"{web(repo)}/pull/{found['number']}#discussion_r{number}"
    home = f"{api(repo)}/pulls/{found['number']}"
    made = {
        "url": url,
        "pull_request_review_id": found["review"],
        "id": number,
        "node_id": node_id("PRRC", number),
        "diff_hunk": found["diff_hunk"],
        "path": found["path"],
        "commit_id": found["commit_id"],
        "original_commit_id": found["original_commit_id"],
        "user": user(ctx, found["user"]),
        "body": found["body"],
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "html_url": page,
        "pull_request_url": home,
        "author_association": association(ctx, repo, found["user"]),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": home}},
        "reactions": issue_shapes.rollup(found["reactions"], url),
        "start_line": found["start_line"],
        "original_start_line": found["start_line"],
        "start_side": found["start_side"],
        "subject_type": found["subject_type"],
        "original_position": found["position"] or 1,
        "position": found["position"] or 1,
    }
    if found["line"] is not None:
        made |= {"line": found["line"], "original_line": found["line"], "side": found["side"]}
    return made if found["in_reply_to"] is None else {**made, "in_reply_to_id": found["in_reply_to"]}
