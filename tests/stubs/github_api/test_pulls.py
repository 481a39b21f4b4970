"""Pull requests by PyGithub: opened, reviewed, merged in three ways, kept up with pushes; and what is refused."""

import json
from typing import Any

import github
import pytest
from github.PullRequest import PullRequest
from github.Repository import Repository

from .conftest import Api


@pytest.fixture
def repo(client: github.Github) -> Repository:
    """A repository with a first commit, and a branch `feature` that has two more."""
    made = client.get_user().create_repo("shop", auto_init=True)
    branch(made, "feature", {"cart.py": "total = 0\n", "README.md": "# shop\n\nWith a cart.\n"})
    return made


def branch(repo: Repository, name: str, files: dict[str, str]) -> None:
    """A branch off the default one that changes files, each in a commit of its own."""
    repo.create_git_ref(f"refs/heads/{name}", tip(repo))
    for path, text in files.items():
        put(repo, path, text, name)


def put(repo: Repository, path: str, text: str, name: str) -> None:
    """A commit that makes or changes a file on a branch."""
    try:
        held = repo.get_contents(path, ref=name)
    except github.UnknownObjectException:
        repo.create_file(path, f"Add {path}", text, branch=name)
    else:
        repo.update_file(path, f"Change {path}", text, held.sha, branch=name)


def tip(repo: Repository) -> str:
    """The commit that the default branch is at."""
    return repo.get_git_ref(f"heads/{repo.default_branch}").object.sha


def opened(repo: Repository, head: str = "feature", **more: Any) -> PullRequest:
    return repo.create_pull(base=repo.default_branch, head=head, **{"title": "A cart", "body": "Fixes #1", **more})


def refused(action: Any, *arguments: Any, **options: Any) -> tuple[int, Any]:
    with pytest.raises(github.GithubException) as caught:
        action(*arguments, **options)
    return caught.value.status, caught.value.data


def test_a_pull_request_shows_what_it_changes(repo: Repository, me: str, api: Api) -> None:
    """Its commits, its files, its sizes, as a diff and as patches; an issue, too, with the next number."""
    repo.create_issue("No cart")
    pull = opened(repo)
    assert (pull.number, pull.state, pull.head.label, pull.mergeable, pull.mergeable_state) == (
        2, "open", f"{me}:feature", True, "clean",
    )  # fmt: skip
    assert (pull.commits, pull.changed_files, pull.additions) == (2, 2, 3)
    assert [commit.commit.message for commit in pull.get_commits()] == ["Add cart.py", "Change README.md"]
    files = {file.filename: file for file in pull.get_files()}
    assert files["cart.py"].patch == "@@ -0,0 +1 @@\n+total = 0"
    assert files["README.md"].status == "modified"
    address = f"/repos/{repo.full_name}/pulls/2"
    diff = api.call("GET", address, Accept="application/vnd.github.diff")
    assert diff.raw.startswith(b"diff --git a/README.md b/README.md\n")
    patch = api.call("GET", address, Accept="application/vnd.github.patch")
    assert b"Subject: [PATCH 1/2] Add cart.py\n" in patch.raw
    assert repo.get_issue(2).pull_request.html_url == pull.html_url
    assert [one.number for one in repo.get_pulls(head=f"{me}:feature")] == [2]
    assert list(repo.get_pulls(base="other")) == []


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
def test_merging_moves_the_base_and_closes_what_it_fixes(repo: Repository, api: Api, method: str, parents: int) -> None:
    """The commit is there, the pull request is merged, the issue is closed, and it is told as merged."""
    issue = repo.create_issue("No cart")
    pull = opened(repo)
    made = pull.merge(merge_method=method)
    assert made.merged
    head = repo.get_git_commit(tip(repo))
    assert head.sha == made.sha
    assert len(head.parents) == parents
    again = repo.get_pull(2)
    assert (again.merged, again.state, again.merge_commit_sha) == (True, "closed", made.sha)
    assert repo.get_issue(issue.number).state == "closed"
    assert {"pull_request.merged", "issues.closed", "push"} <= set(api.told())
    assert [event.event for event in again.as_issue().get_events()] == ["merged", "closed"]
    assert again.is_merged()
    assert repo.get_contents("cart.py").decoded_content == b"total = 0\n"


def test_what_cant_be_merged_isnt(repo: Repository, api: Api) -> None:
    """Conflicts, drafts, a head that moved, merges that the repository doesn't want: and nothing has changed."""
    put(repo, "README.md", "# another shop\n", repo.default_branch)
    before = tip(repo)
    pull = opened(repo)
    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    assert refused(pull.merge) == (405, {**_body("Pull Request is not mergeable"), "status": "405"})
    branch(repo, "second", {"second.py": "2\n"})
    second = opened(repo, "second", title="Second", draft=True)
    assert refused(second.merge)[1]["message"] == "Pull Request is still a draft"
    branch(repo, "third", {"third.py": "3\n"})
    third = opened(repo, "third", title="Third")
    assert refused(third.merge, sha="0" * 40)[0] == 409
    repo.edit(allow_squash_merge=False)
    assert (
        refused(third.merge, merge_method="squash")[1]["message"] == "Squash merges are not allowed on this repository."
    )
    third.edit(state="closed")
    assert refused(third.merge)[0] == 405
    assert tip(repo) == before


def _body(message: str) -> dict[str, str]:
    return {"message": message, "documentation_url": "https://docs.github.com/rest"}


def test_no_pull_request_of_nothing(repo: Repository, me: str) -> None:
    """Unknown branches, no commits between, one that is open already."""
    repo.create_git_ref("refs/heads/same", tip(repo))
    base = repo.default_branch

    def errors(**more: str) -> Any:
        asked = {"title": "T", "body": "", "base": base, "head": "feature", **more}
        return refused(repo.create_pull, **asked)[1]["errors"]

    assert errors(head="nothing") == [{"resource": "PullRequest", "field": "head", "code": "invalid"}]
    assert errors(base="nothing") == [{"resource": "PullRequest", "field": "base", "code": "invalid"}]
    assert errors(head="same")[0]["message"] == f"No commits between {base} and same"
    opened(repo)
    assert errors()[0]["message"] == f"A pull request already exists for {me}:feature."
    assert errors(head="nobody:feature")[0]["field"] == "head"


def test_reviews_are_submitted_by_others(repo: Repository, other: github.Github, others: list[str], me: str) -> None:
    """One's own can't be approved; an approval answers the request for it; comments stand at their lines."""
    repo.add_to_collaborators(others[0], "push")
    for invitation in other.get_user().get_invitations():
        other.get_user().accept_invitation(invitation)
    pull = opened(repo)
    pull.create_review_request(reviewers=[others[0]])
    assert [one.login for one in repo.get_pull(pull.number).requested_reviewers] == [others[0]]
    status, body = refused(pull.create_review, event="APPROVE", body="Fine")
    assert (status, body["errors"]) == (422, ["Can not approve your own pull request"])
    theirs = other.get_repo(repo.full_name).get_pull(pull.number)
    commit = list(theirs.get_commits())[-1]
    review = theirs.create_review(
        commit, "Please change", "REQUEST_CHANGES", [{"path": "cart.py", "body": "Why 0?", "line": 1}]
    )
    assert (review.state, review.user.login) == ("CHANGES_REQUESTED", others[0])
    [comment] = pull.get_review_comments()
    assert (comment.body, comment.diff_hunk, comment.pull_request_review_id) == (
        "Why 0?",
        "@@ -0,0 +1 @@\n+total = 0",
        review.id,
    )
    reply = pull.create_review_comment_reply(comment.id, "To begin with")
    assert reply.in_reply_to_id == comment.id
    review.dismiss("It is explained")
    assert pull.get_review(review.id).state == "DISMISSED"
    approval = theirs.create_review(event="APPROVE")
    assert approval.state == "APPROVED"
    assert list(repo.get_pull(pull.number).requested_reviewers) == []
    status, body = refused(pull.create_review_comment, "Hm", commit, "nowhere.py", line=1)
    assert (status, body["errors"][0]["field"]) == (422, "pull_request_review_thread.path")
    assert {one.event for one in pull.as_issue().get_timeline()} >= {"review_requested", "reviewed", "review_dismissed"}


def test_a_pending_review_is_only_its_authors(repo: Repository, other: github.Github) -> None:
    """Until it is submitted; then it can't be deleted any more."""
    pull = opened(repo)
    pending = pull.create_review(body="So far")
    assert pending.state == "PENDING"
    assert list(other.get_repo(repo.full_name).get_pull(pull.number).get_reviews()) == []
    assert refused(pull.create_review, body="Another")[1]["errors"] == [
        "User can only have one pending review per pull request"
    ]
    address = f"{pull.url}/reviews/{pending.id}"
    assert pending.requester.requestJson("POST", f"{address}/events", input={"event": "COMMENT"})[0] == 200
    assert pull.get_review(pending.id).state == "COMMENTED"
    assert refused(pending.delete)[0] == 422


def test_pushes_move_it_and_deletions_close_it(repo: Repository, api: Api) -> None:
    """A new commit on the head is synchronized; update-branch brings what the base has; without its branch it is closed."""
    pull = opened(repo)
    before = pull.head.sha
    put(repo, "cart.py", "total = 1\n", "feature")
    again = repo.get_pull(pull.number)
    assert (again.commits, again.head.sha != before) == (3, True)
    assert "pull_request.synchronize" in api.told()
    put(repo, "new.py", "1\n", repo.default_branch)
    assert again.update_branch()
    assert repo.get_contents("new.py", ref="feature").decoded_content == b"1\n"
    assert repo.get_pull(pull.number).mergeable
    repo.get_git_ref("heads/feature").delete()
    assert repo.get_pull(pull.number).state == "closed"
    assert refused(repo.get_pull(pull.number).edit, state="open")[0] == 422


def test_from_a_fork(repo: Repository, other: github.Github, others: list[str]) -> None:
    """Somebody else's branch, by owner and name; whoever owns the base merges it."""
    fork = other.get_user().create_fork(other.get_repo(repo.full_name))
    branch(fork, "theirs", {"theirs.py": "1\n"})
    pull = other.get_repo(repo.full_name).create_pull(
        base=repo.default_branch, head=f"{others[0]}:theirs", title="Ours", body=""
    )
    assert (pull.head.repo.full_name, pull.base.repo.full_name) == (fork.full_name, repo.full_name)
    assert repo.get_pull(pull.number).merge().merged
    assert repo.get_contents("theirs.py").decoded_content == b"1\n"


def test_releases_have_tags_and_files(repo: Repository, api: Api, tmp_path: Any) -> None:
    """The tag is made; notes tell of what was merged; files are as they were uploaded."""
    pull = opened(repo)
    pull.merge()
    release = repo.create_git_release("v1.0", "One", "First", generate_release_notes=True)
    assert repo.get_git_ref("tags/v1.0").object.sha == tip(repo)
    assert "* A cart by @" in release.body
    file = tmp_path / "shop.bin"
    file.write_bytes(b"\0\1\2")
    asset = release.upload_asset(str(file), content_type="application/x-shop")
    assert (asset.size, asset.content_type, asset.state) == (3, "application/x-shop", "uploaded")
    assert api.call("GET", asset.url, Accept="application/octet-stream").raw == b"\0\1\2"
    assert api.call("GET", asset.browser_download_url).raw == b"\0\1\2"
    assert refused(release.upload_asset, str(file))[1]["errors"][0]["code"] == "already_exists"
    assert refused(repo.create_git_release, "v1.0", "Again", "")[1]["errors"][0]["code"] == "already_exists"
    draft = repo.create_git_release("v2.0", "Two", "Later", draft=True)
    assert repo.get_latest_release().tag_name == "v1.0"
    draft.update_release("Two", "Now", draft=False)
    assert repo.get_latest_release().tag_name == "v2.0"
    assert repo.get_release("v2.0").title == "Two"
    assert {"release.published", "create"} <= set(api.told())
    release.delete_release()
    assert refused(repo.get_release, release.id)[0] == 404


def test_hooks_hear_of_it(repo: Repository, api: Api) -> None:
    """The payload has the pull request in full, with its action."""
    from .test_hooks import sent  # noqa: PLC0415 - a helper of a neighbour

    repo.create_hook("web", {"url": "https://shop.example/hook", "content_type": "json"}, ["pull_request", "push"])
    pull = opened(repo)
    pull.merge()
    told = [(dict(one.headers)["X-GitHub-Event"], json.loads(one.body)) for one in sent(api)]
    assert [(event, body.get("action")) for event, body in told] == [
        ("ping", None), ("pull_request", "opened"), ("pull_request", "closed"), ("push", None),
    ]  # fmt: skip
    assert told[2][1]["pull_request"]["merged"] is True
    assert told[3][1]["head_commit"]["message"].startswith("Merge pull request #")


def test_a_protected_branch_asks_for_reviews_and_checks(
    repo: Repository, other: github.Github, others: list[str], client: github.Github
) -> None:
    """What is missing is said; an approval and a successful check let it be merged."""
    repo.add_to_collaborators(others[0], "push")
    for invitation in other.get_user().get_invitations():
        other.get_user().accept_invitation(invitation)
    repo.get_branch(repo.default_branch).edit_protection(
        strict=False, contexts=["ci"], enforce_admins=True, required_approving_review_count=1
    )
    pull = opened(repo)
    message = "At least 1 approving review is required by reviewers with write access."
    assert refused(pull.merge)[1]["message"] == message
    other.get_repo(repo.full_name).get_pull(pull.number).create_review(event="APPROVE")
    assert refused(pull.merge)[1]["message"] == 'Required status check "ci" is expected.'
    repo.get_commit(pull.head.sha).create_status("success", context="ci")
    assert pull.merge().merged


def test_lists_of_events_tell_what_happened(repo: Repository, client: github.Github, me: str) -> None:
    """Newest first, of a repository and of somebody; issues are found across repositories."""
    issue = repo.create_issue("One", assignees=[me])
    issue.create_comment("Yes")
    opened(repo).merge()
    repo.create_git_release("v1", "v1", "First")
    kinds = [event.type for event in repo.get_events()]
    assert kinds[:3] == ["ReleaseEvent", "PushEvent", "CreateEvent"]
    assert {"IssuesEvent", "IssueCommentEvent", "PullRequestEvent", "PushEvent"} <= set(kinds)
    assert [event.type for event in client.get_user(me).get_events()] == kinds
    repo.create_issue("Two", assignees=[me])
    assert [one.title for one in client.get_user().get_issues()] == ["Two"]
    assert client.get_repo(repo.full_name).open_issues_count == 1
