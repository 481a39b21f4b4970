"""Hooks by PyGithub: pinged, signed, in JSON or as a form, for repositories and organizations; what was sent is listed."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs

import github
import pytest
from github.Repository import Repository

from childproof.world import deliveries
from childproof.world.deliveries import Posting, Told
from tests.stubs.inprocess import START

from .conftest import Api

URL = "https://shop.example/hook"


@pytest.fixture
def repo(client: github.Github) -> Repository:
    return client.get_user().create_repo("shop")


def sent(api: Api, status: int = 200) -> list[Posting]:
    """All that waits, sent; the listener answers with this status."""
    made = []
    with api.world.transaction() as tx:
        for one in deliveries.listed(tx):
            if one.due is not None:
                posting = api.stub.posting(one, tx, START)
                assert isinstance(posting, Posting)
                made.append(posting)
                api.stub.told(one, Told(START, status), tx)
    return made


def test_a_hook_is_pinged_and_told_signed(repo: Repository, api: Api) -> None:
    """The headers and the body are GitHub's; the signature is over what is sent."""
    hook = repo.create_hook("web", {"url": URL, "content_type": "json", "secret": "s3cret"}, ["issues"])
    assert hook.config["secret"] == "********"
    repo.create_issue("One", labels=["bug"])
    ping, opened, labeled = sent(api)
    headers = dict(opened.headers)
    assert (headers["X-GitHub-Event"], headers["X-GitHub-Hook-ID"]) == ("issues", str(hook.id))
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(repo.id)
    digest = hmac.new(b"s3cret", opened.body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert headers["X-Hub-Signature"].startswith("sha1=")
    body = json.loads(opened.body)
    assert (body["action"], body["issue"]["title"], body["repository"]["full_name"]) == (
        "opened",
        "One",
        repo.full_name,
    )
    assert json.loads(labeled.body)["label"]["name"] == "bug"
    assert json.loads(ping.body)["hook_id"] == hook.id
    assert dict(ping.headers)["X-GitHub-Event"] == "ping"


def test_a_form_has_the_payload_in_one_field(repo: Repository, api: Api) -> None:
    """GitHub's default, signed as it is sent."""
    repo.create_hook("web", {"url": URL, "secret": "s3cret"}, ["*"])
    repo.create_milestone("v1")
    _, told = sent(api)
    headers = dict(told.headers)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["X-Hub-Signature-256"] == f"sha256={hmac.new(b's3cret', told.body, hashlib.sha256).hexdigest()}"
    assert json.loads(parse_qs(told.body.decode())["payload"][0])["milestone"]["title"] == "v1"


def test_only_what_was_asked_for_is_sent(repo: Repository, client: github.Github, api: Api) -> None:
    """Nothing of other events, of other repositories, or while it is off."""
    hook = repo.create_hook("web", {"url": URL, "content_type": "json"}, ["issue_comment"])
    issue = repo.create_issue("One")
    client.get_user().create_repo("other").create_issue("Two").create_comment("Hm")
    issue.create_comment("Yes")
    assert [dict(one.headers)["X-GitHub-Event"] for one in sent(api)] == ["ping", "issue_comment"]
    hook.edit("web", {"url": URL, "content_type": "json"}, events=["issue_comment"], active=False)
    issue.create_comment("No")
    assert sent(api) == []


def test_deliveries_are_listed_and_sent_again(repo: Repository, api: Api) -> None:
    """With what the listener said, which the hook shows, too."""
    hook = repo.create_hook("web", {"url": URL, "content_type": "json"}, ["issues"])
    repo.create_issue("One")
    sent(api, 500)
    listed = list(repo.get_hook_deliveries(hook.id))
    assert [(one.event, one.status_code) for one in listed] == [("issues", 500), ("ping", 500)]
    whole = repo.get_hook_delivery(hook.id, listed[0].id)
    assert whole.request.payload["issue"]["title"] == "One"
    assert whole.request.headers["X-GitHub-Delivery"] == listed[0].guid
    assert repo.get_hook(hook.id).last_response.code == 500
    path = f"/repos/{repo.full_name}/hooks/{hook.id}/deliveries/{listed[0].id}/attempts"
    assert api.call("POST", path).status == 202
    [again] = sent(api)
    assert dict(again.headers)["X-GitHub-Delivery"] == listed[0].guid
    assert next(iter(repo.get_hook_deliveries(hook.id))).status == "OK"
    assert repo.get_hook(hook.id).last_response.status == "active"


def test_an_organizations_hook_hears_of_its_repositories(client: github.Github, api: Api) -> None:
    """Of all of them, with the organization in the payload."""
    org = next(iter(client.get_user().get_orgs()), None)
    if org is None:
        pytest.skip("the world's first person is in no organization")
    org.create_hook("web", {"url": URL, "content_type": "json"}, ["issues"])
    org.create_repo("tools").create_issue("One")
    told = json.loads(sent(api)[-1].body)
    assert told["organization"]["login"] == org.login


@pytest.mark.parametrize(
    ("config", "events", "message"),
    [
        ({}, ["push"], "Config must contain URL for webhooks"),
        ({"url": URL, "content_type": "xml"}, ["push"], "Content type must be json or form"),
        ({"url": URL}, ["pushes"], "The following events are invalid: pushes"),
    ],
)
def test_what_is_no_hook_is_refused(repo: Repository, config: Any, events: list[str], message: str) -> None:
    """With the reason; nothing is there afterwards."""
    with pytest.raises(github.GithubException) as caught:
        repo.create_hook("web", config, events)
    assert (caught.value.status, caught.value.data["errors"][0]["message"]) == (422, message)
    assert list(repo.get_hooks()) == []


def test_who_is_no_admin_sees_no_hooks(repo: Repository, other: github.Github) -> None:
    """They don't learn that there are any."""
    with pytest.raises(github.GithubException) as caught:
        list(other.get_repo(repo.full_name).get_hooks())
    assert caught.value.status in {403, 404}
