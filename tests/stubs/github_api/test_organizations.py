"""Organizations, teams, and who may do what with a repository."""

import github
import pytest

from .conftest import Api, hub


def test_a_fresh_world_has_one_organization_with_its_people(client: github.Github, me: str, others: list[str]):
    """The first people belong to it, the first of them owns it, and it has a repository with a first commit."""
    org = client.get_organization("octo-org")
    assert [one.login for one in org.get_members()] == [me, *others]
    assert [one.login for one in org.get_members(role="admin")] == [me]
    assert [one.login for one in client.get_user().get_orgs()] == ["octo-org"]
    assert org.get_repo("hello-world").default_branch == "main"


def test_a_member_is_invited_accepts_and_leaves(client: github.Github, other: github.Github, others: list[str]):
    """Who left is nobody there, and can come back only by an invitation that is accepted."""
    org = client.get_organization("octo-org")
    who = client.get_user(others[0])
    org.remove_from_members(who)
    assert not org.has_in_members(who)
    org.add_to_members(who, role="admin")
    assert who.get_organization_membership(org).state == "pending"
    other.requester.requestJsonAndCheck("PATCH", "/user/memberships/orgs/octo-org", input={"state": "active"})
    assert org.has_in_members(who)
    assert who.get_organization_membership(org).role == "admin"


def test_an_organization_keeps_an_owner(api: Api, me: str):
    """The last owner can't leave, and nothing has changed then."""
    assert api.call("DELETE", f"/orgs/octo-org/memberships/{me}").status == 403
    assert api.call("GET", f"/orgs/octo-org/members/{me}").status == 204


def test_a_team_gives_its_members_what_it_may(client: github.Github, other: github.Github, others: list[str]):
    """A private repository of the organization is there for who is in a team that may read it."""
    org = client.get_organization("octo-org")
    org.requester.requestJsonAndCheck("PATCH", "/orgs/octo-org", input={"default_repository_permission": "none"})
    secret = org.create_repo("secret", private=True)
    with pytest.raises(github.UnknownObjectException):
        other.get_repo("octo-org/secret")
    team = org.create_team("Core Team", privacy="closed", description="The core")
    team.add_membership(client.get_user(others[0]), role="maintainer")
    team.update_team_repository(secret, "push")
    assert (team.slug, team.members_count) == ("core-team", 1)
    assert sorted(one.login for one in team.get_members()) == sorted([client.get_user().login, others[0]])
    seen = other.get_repo("octo-org/secret")
    assert (seen.permissions.push, seen.permissions.admin) == (True, False)
    assert [one.name for one in secret.get_teams()] == ["Core Team"]
    team.remove_from_repos(secret)
    with pytest.raises(github.UnknownObjectException):
        other.get_repo("octo-org/secret")
    team.delete()
    assert list(org.get_teams()) == []


def test_a_collaborator_is_invited_and_accepts(client: github.Github, other: github.Github, others: list[str], me: str):
    """Until the invitation is accepted nothing may be done; after that what it says."""
    repo = client.get_user().create_repo("mine", private=True)
    invitation = repo.add_to_collaborators(others[0], permission="maintain")
    assert (invitation.invitee.login, invitation.permissions) == (others[0], "maintain")
    with pytest.raises(github.UnknownObjectException):
        other.get_repo(f"{me}/mine")
    other.get_user().accept_invitation(next(iter(other.get_user().get_invitations())))
    seen = other.get_repo(f"{me}/mine")
    assert (seen.permissions.maintain, seen.permissions.admin) == (True, False)
    assert repo.get_collaborator_permission(others[0]) == "write"
    assert [one.login for one in repo.get_collaborators()] == [me, others[0]]
    with pytest.raises(github.GithubException) as caught:
        seen.edit(description="by somebody else")
    assert (caught.value.status, caught.value.data["message"]) == (403, "Must have admin rights to Repository.")
    repo.remove_from_collaborators(others[0])
    assert not repo.has_in_collaborators(others[0])


def test_stars_and_watching_are_counted(client: github.Github, other: github.Github):
    """What somebody stars is starred once, and the repository counts it."""
    repo = client.get_repo("octo-org/hello-world")
    for hubs in (client, other, client):
        hubs.get_user().add_to_starred(repo)
    assert client.get_repo("octo-org/hello-world").stargazers_count == 2
    assert len(list(repo.get_stargazers_with_dates())) == 2
    client.get_user().add_to_watched(repo)
    assert [one.login for one in repo.get_subscribers()] == [client.get_user().login]
    client.get_user().remove_from_starred(repo)
    assert not client.get_user().has_in_starred(repo)
    assert [one.full_name for one in other.get_user().get_starred()] == ["octo-org/hello-world"]


def test_following(client: github.Github, other: github.Github, others: list[str], me: str):
    """Who follows whom shows on both sides."""
    client.get_user().add_to_following(client.get_user(others[0]))
    assert [one.login for one in other.get_user().get_followers()] == [me]
    assert client.get_user(others[0]).followers == 1
    assert hub(f"ghp_as_{others[0]}").get_user().login == others[0]
