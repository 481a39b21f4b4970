"""Issues by PyGithub: numbers, labels, milestones, people, comments, reactions, events; and what is refused."""

from typing import Any

import github
import pytest
from github.Repository import Repository

from .conftest import Api


@pytest.fixture
def repo(client: github.Github) -> Repository:
    return client.get_user().create_repo("shop")


def refused(action: Any, *arguments: Any, **options: Any) -> tuple[int, Any]:
    """The status and the body of what GitHub refuses."""
    with pytest.raises(github.GithubException) as caught:
        action(*arguments, **options)
    return caught.value.status, caught.value.data


def test_an_issue_has_a_life(repo: Repository, me: str, api: Api) -> None:
    """Opened, changed, closed with a reason, opened again; its events say so."""
    issue = repo.create_issue("Checkout fails", body="With **two** items", labels=["bug"], assignees=[me])
    assert (issue.number, issue.state, issue.user.login, issue.assignee.login) == (1, "open", me, me)
    assert [label.color for label in issue.labels] == ["d73a4a"]
    issue.edit(title="Checkout fails twice")
    issue.edit(state="closed", state_reason="not_planned")
    again = repo.get_issue(1)
    assert (again.state, again.state_reason, again.closed_by.login) == ("closed", "not_planned", me)
    again.edit(state="open")
    assert (again.state_reason, again.closed_at) == ("reopened", None)
    events = [event.event for event in again.get_events()]
    assert events == ["labeled", "assigned", "renamed", "closed", "reopened"]
    assert {"issues.opened", "issues.labeled", "issues.edited", "issues.closed", "issues.reopened"} <= set(api.told())
    assert [event.event for event in again.get_timeline()] == events


def test_lists_are_filtered_and_paged(repo: Repository, me: str, client: github.Github, other: github.Github) -> None:
    """By state, label, milestone, person, mention, time; in the order that is asked for."""
    stone = repo.create_milestone("v1")
    for number in range(3):
        repo.create_issue(f"Issue {number}", labels=["bug"] if number else [], milestone=stone)
    repo.get_issue(2).edit(state="closed")
    theirs = other.get_repo(repo.full_name).create_issue("From outside", body=f"Hello @{me}", labels=["bug"])
    assert theirs.labels == []
    titles = lambda **query: [issue.title for issue in repo.get_issues(**query)]  # noqa: E731
    assert titles() == ["From outside", "Issue 2", "Issue 0"]
    assert titles(state="all", direction="asc", sort="created")[0] == "Issue 0"
    assert titles(labels=["BUG"]) == ["Issue 2"]
    assert titles(state="closed") == ["Issue 1"]
    assert (
        titles(creator=theirs.user.login)
        == ["From outside"]
        == titles(mentioned=client.get_user(me))
        == titles(milestone="none")
    )
    assert titles(milestone=stone, state="all") == ["Issue 2", "Issue 1", "Issue 0"]
    assert titles(assignee="none") == titles()
    again = repo.get_milestone(1)
    assert (again.open_issues, again.closed_issues) == (2, 1)


def test_labels_are_made_changed_and_refused(repo: Repository) -> None:
    """A repository begins with nine; a name is taken once, in any case."""
    assert len(list(repo.get_labels())) == 9
    label = repo.create_label("needs: care", "00FF00", "Look twice")
    assert label.color == "00ff00"
    issue = repo.create_issue("One")
    issue.add_to_labels("needs: care", "brand new")
    assert {one.name for one in issue.get_labels()} == {"needs: care", "brand new"}
    label.edit("cared for", "0000ff")
    assert {one.name for one in issue.get_labels()} == {"cared for", "brand new"}
    issue.remove_from_labels("brand new")
    issue.set_labels("bug", "wontfix")
    issue.delete_labels()
    assert list(issue.get_labels()) == []
    status, body = refused(repo.create_label, "BUG", "123456")
    assert (status, body["message"]) == (422, "Validation Failed")
    assert body["errors"] == [{"resource": "Label", "code": "already_exists", "field": "name"}]
    assert refused(repo.create_label, "x", "red")[1]["errors"][0] == {
        "resource": "Label",
        "code": "invalid",
        "field": "color",
    }
    assert refused(issue.remove_from_labels, "nothing")[1]["message"] == "Label does not exist"
    repo.get_label("cared for").delete()
    assert refused(repo.get_label, "cared for")[0] == 404


def test_people_talk(repo: Repository, other: github.Github, me: str, api: Api) -> None:
    """Comments with reactions; a locked conversation is for those who may push."""
    issue = repo.create_issue("One")
    theirs = other.get_repo(repo.full_name).get_issue(1)
    comment = theirs.create_comment("I see it, too")
    assert comment.user.login != me
    comment.create_reaction("+1")
    comment.create_reaction("+1")
    assert [(one.content, one.user.login) for one in issue.get_comment(comment.id).get_reactions()] == [
        ("+1", comment.user.login)
    ]
    reaction = issue.create_reaction("heart")
    assert api.get(f"/repos/{repo.full_name}/issues/1")["reactions"]["heart"] == 1
    issue.delete_reaction(reaction.id)
    assert api.get(f"/repos/{repo.full_name}/issues/1")["reactions"]["total_count"] == 0
    comment.edit("I saw it")
    assert [one.body for one in repo.get_issues_comments()] == ["I saw it"]
    issue.lock("resolved")
    assert refused(theirs.create_comment, "But")[1]["message"] == "Unable to create comment because issue is locked."
    issue.unlock()
    assert repo.get_issue(1).comments == 1
    comment.delete()
    assert repo.get_issue(1).comments == 0
    assert refused(issue.create_comment, " ")[0] == 422


def test_refusals_are_githubs(repo: Repository, other: github.Github, me: str) -> None:
    """With nothing half-done behind them."""
    status, body = refused(repo.create_issue, "Two", assignees=["nobody-here"])
    assert (status, body["errors"]) == (
        422, [{"resource": "Issue", "field": "assignees", "code": "invalid", "value": "nobody-here"}],
    )  # fmt: skip
    assert refused(repo.create_issue, "")[1]["errors"] == [
        {"resource": "Issue", "field": "title", "code": "missing_field"}
    ]
    assert refused(repo.get_issue, 1)[0] == 404
    assert list(repo.get_issues()) == []
    repo.create_issue("One")
    theirs = other.get_repo(repo.full_name)
    assert refused(theirs.get_issue(1).edit, title="Mine")[0] == 403
    assert refused(theirs.create_label, "x", "123456")[0] == 403
    repo.edit(has_issues=False)
    assert refused(repo.create_issue, "Two")[0] == 410
    repo.edit(has_issues=True, archived=True)
    assert refused(repo.create_issue, "Two")[1]["message"] == "Repository was archived so is read-only."


def test_assignees_are_those_who_have_a_part(repo: Repository, others: list[str], me: str) -> None:
    """Who hasn't is left out, or refused where the issue is made."""
    assert [one.login for one in repo.get_assignees()] == [me]
    issue = repo.create_issue("One")
    issue.add_to_assignees(me, others[0])
    assert [one.login for one in issue.assignees] == [me]
    assert not repo.has_in_assignees(others[0])
    issue.remove_from_assignees(me)
    assert repo.get_issue(1).assignees == []


def test_milestones(repo: Repository) -> None:
    """Titles are taken once; a deleted one is in no issue."""
    stone = repo.create_milestone("v1", description="First")
    issue = repo.create_issue("One", milestone=stone)
    assert refused(repo.create_milestone, "v1")[1]["errors"][0]["code"] == "already_exists"
    stone.edit("v1.0", state="closed")
    assert [one.title for one in repo.get_milestones(state="closed")] == ["v1.0"]
    stone.delete()
    assert repo.get_issue(issue.number).milestone is None
    assert repo.create_milestone("v2").number == 2
