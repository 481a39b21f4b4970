"""What apps are told: events at their request URL as slack_sdk verifies them, by Socket Mode as it is spoken, and webhooks."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from childproof.model import Call, Frame, Protocol, Talk
from childproof.world import deliveries
from childproof.world.deliveries import Told
from tests.stubs.inprocess import START

from .conftest import Api, InProcess, error

HOOK = "https://app.example/slack/events"


class Posting(WebhookClient):
    """The SDK's client of webhooks, which asks the stub."""

    def __init__(self, api: Api, url: str) -> None:
        super().__init__(url)
        self.api = api

    def _perform_http_request(self, *, body: dict[str, Any], headers: dict[str, str]) -> Any:
        reply = self.api.send("POST", self.url, headers, json.dumps(body).encode())

        class Result:
            status_code, body = reply.status, reply.body.decode()

        return Result()


@pytest.fixture
def general(bot: InProcess) -> str:
    return next(one["id"] for one in bot.conversations_list()["channels"] if one["name"] == "general")


def listening(user: InProcess, *events: str, **settings: Any) -> Any:
    manifest = {
        "display_information": {"name": "Watcher"},
        "settings": {"event_subscriptions": {"request_url": HOOK, "bot_events": list(events)}, **settings},
    }
    return user.api_call("apps.manifest.create", json={"manifest": manifest})


def sent(api: Api) -> list[Any]:
    """Every webhook that waits or was sent: the delivery, its headers and its body."""
    with api.world.view() as view:
        found = []
        for one in deliveries.listed(view):
            made = api.stub.posting(one, view, START)
            assert not isinstance(made, str)
            found.append((one, dict(made.headers), made.body))
        return found


def socket(api: Api, url: str) -> Talk[Any]:
    path, _, query = url.removeprefix("wss://wss-primary.slack.com").partition("?")
    asked = Call(
        Protocol.HTTP, "wss-primary.slack.com", 443, method="GET", path=path, query=query, upgrade="websocket", http_version="1.1",
    )  # fmt: skip
    with api.world.transaction() as tx:
        reply = api.stub.answer(asked, tx).reply
    assert reply.status == 101, reply.body
    return reply.stream  # type: ignore[return-value]


def opened(api: Api) -> Talk[Any]:
    return socket(api, api.call("apps.connections.open", token="xapp-1-A0-1-abc")["url"])


def within(api: Api, step: Any) -> list[Any]:
    with api.world.transaction() as tx:
        frames, effects = step.work(tx)
        api.effects.extend(effects)
    return [json.loads(frame.data) if frame.kind == "text" else frame.kind for frame in frames]


def say(api: Api, talk: Talk[Any], message: Any) -> list[Any]:
    return within(api, talk.hear(Frame("text", json.dumps(message).encode())))


# the Events API


def test_only_what_was_asked_for_is_told_signed_after_the_challenge(
    api: Api, bot: InProcess, user: InProcess, general: str
) -> None:
    secret = listening(user, "message.channels", "reaction_added")["credentials"]["signing_secret"]
    user.chat_postMessage(channel=general, text="hello")
    private = user.conversations_create(name="secret", is_private=True)["channel"]["id"]
    user.chat_postMessage(channel=private, text="among us")
    ts = bot.conversations_history(channel=general)["messages"][0]["ts"]
    bot.reactions_add(channel=general, timestamp=ts, name="wave")
    bot.reactions_remove(channel=general, timestamp=ts, name="wave")
    told = sent(api)
    assert [one.type for one, _, _ in told] == ["url_verification", "message", "reaction_added"]
    assert set(json.loads(told[0][2])) == {"token", "challenge", "type"}
    for _, headers, body in told:
        verifier = SignatureVerifier(secret)
        verifier.clock.now = lambda: START / 1000  # type: ignore[method-assign]
        assert verifier.is_valid_request(body, headers)
        assert not verifier.is_valid_request(body + b" ", headers)
    envelope = json.loads(told[1][2])
    assert (envelope["type"], envelope["event"]["text"], envelope["event"]["channel"]) == (
        "event_callback",
        "hello",
        general,
    )
    assert envelope["event"]["channel_type"] == "channel"
    assert envelope["authorizations"][0]["user_id"] == bot.auth_test()["user_id"]
    assert envelope["team_id"] == bot.auth_test()["team_id"]


def test_an_app_is_tried_again_as_slack_does_and_told_why(api: Api, user: InProcess, general: str) -> None:
    listening(user, "message.channels")
    user.chat_postMessage(channel=general, text="hello")
    [_, (first, headers, _)] = sent(api)
    assert "X-Slack-Retry-Num" not in headers
    said = []
    for told in (Told(START, None, "too slow", failure="timeout"), Told(START, 500), Told(START, None)):
        with api.world.transaction() as tx:
            waiting = deliveries.find(tx, first.id)
            assert waiting is not None
            api.stub.told(waiting, told, tx)
            after = deliveries.find(tx, first.id)
            assert after is not None
            wait = after.due - tx.now() if after.due is not None else None
        headers = sent(api)[1][1]
        said.append((wait, headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]))
    assert said == [(1000, "1", "http_timeout"), (60_000, "2", "http_error"), (300_000, "3", "connection_failed")]


def test_an_app_is_mentioned_and_may_go(api: Api, bot: InProcess, user: InProcess, general: str) -> None:
    made = listening(user, "app_mention")
    user.chat_postMessage(channel=general, text=f"<@{bot.auth_test()['user_id']}> hi")
    assert [one.type for one, _, _ in sent(api)] == ["url_verification", "app_mention"]
    assert (
        user.api_call("apps.manifest.export", json={"app_id": made["app_id"]})["manifest"]["display_information"][
            "name"
        ]
        == "Watcher"
    )
    user.api_call("apps.manifest.delete", json={"app_id": made["app_id"]})
    user.chat_postMessage(channel=general, text=f"<@{bot.auth_test()['user_id']}> hi")
    assert len(sent(api)) == 2
    assert error(user.api_call, "apps.manifest.delete", json={"app_id": made["app_id"]}) == "invalid_app_id"
    assert error(user.api_call, "apps.manifest.validate", json={"manifest": {"settings": {}}}) == "invalid_manifest"


def answer(api: Api, number: int, body: bytes, status: int = 200) -> None:
    """What a listener replies to a webhook."""
    with api.world.transaction() as tx:
        waiting = deliveries.listed(tx)[number]
        api.effects.extend(api.stub.told(waiting, Told(START, status, body=body), tx))


def test_a_url_that_does_not_know_the_challenge_is_told_nothing_more(api: Api, user: InProcess, general: str) -> None:
    listening(user, "message.channels")
    user.chat_postMessage(channel=general, text="one")
    answer(api, 0, b"what?")
    user.chat_postMessage(channel=general, text="two")
    assert [one.type for one, _, _ in sent(api)] == ["url_verification", "message"]


def test_an_app_answers_commands_and_views_in_its_replies(
    api: Api, bot: InProcess, user: InProcess, general: str
) -> None:
    manifest = {
        "display_information": {"name": "Deployer"},
        "features": {"slash_commands": [{"command": "/deploy", "url": HOOK}]},
        "settings": {"interactivity": {"request_url": HOOK}},
    }
    user.api_call("apps.manifest.create", json={"manifest": manifest})
    user.api_call("chat.command", params={"channel": general, "command": "/deploy"})
    [(_, _, form)] = sent(api)
    title = {"type": "plain_text", "text": "T"}
    view = {"type": "modal", "title": title, "blocks": [{"type": "divider"}]}
    made = bot.views_open(trigger_id=parse_qs(form.decode())["trigger_id"][0], view=view)["view"]
    answer(api, 0, b'{"text": "on its way", "response_type": "in_channel"}')
    assert bot.conversations_history(channel=general)["messages"][0]["text"] == "on its way"
    user.api_call("views.submit", json={"view_id": made["id"]})
    answer(api, 1, b'{"response_action": "errors", "errors": {"b": "no"}}')
    user.api_call("views.submit", json={"view_id": made["id"]})  # it is still open
    answer(api, 2, b"")
    assert error(user.api_call, "views.submit", json={"view_id": made["id"]}) == "view_not_found"


# Socket Mode


def test_events_come_over_the_socket_until_they_are_confirmed(api: Api, user: InProcess, general: str) -> None:
    talk = opened(api)
    [hello] = [json.loads(frame.data) for frame in talk.greeting]
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert talk.look is not None
    assert within(api, talk.look()) == []
    user.chat_postMessage(channel=general, text="hello")
    [envelope] = within(api, talk.look())
    assert (envelope["type"], envelope["payload"]["event"]["text"]) == ("events_api", "hello")
    assert within(api, talk.look()) == []
    within(api, talk.hear(Frame("close", code=1006)))  # and nobody has confirmed it
    talk = opened(api)
    assert talk.look is not None
    [again] = within(api, talk.look())
    assert (again["envelope_id"], again["retry_attempt"]) == (envelope["envelope_id"], 1)
    say(api, talk, {"envelope_id": again["envelope_id"]})
    say(api, talk, ["nonsense"])
    assert within(api, talk.hear(Frame("text", b"{"))) == []
    talk = opened(api)
    assert talk.look is not None
    assert within(api, talk.look()) == []


def test_what_nobody_confirms_is_sent_again_and_given_up(api: Api, user: InProcess, general: str) -> None:
    talk = opened(api)
    assert talk.look is not None
    user.chat_postMessage(channel=general, text="hello")
    attempts = []
    for _ in range(6):
        attempts += [one["retry_attempt"] for one in within(api, talk.look())]
        api.passes(61)
    assert attempts == [0, 1, 2, 3]


def test_a_connection_is_asked_to_make_room_after_its_time(api: Api) -> None:
    talk = opened(api)
    assert talk.look is not None
    api.passes(18_061)
    [goodbye, close] = within(api, talk.look())
    assert (goodbye["type"], goodbye["reason"], close) == ("disconnect", "refresh_requested", "close")


def test_an_address_is_good_for_one_connection_and_wants_an_apps_token(api: Api, bot: InProcess) -> None:
    url = api.call("apps.connections.open", token="xapp-1-A0-1-abc")["url"]
    socket(api, url)
    with pytest.raises(AssertionError, match="invalid_auth"):
        socket(api, url)
    assert error(bot.apps_connections_open, app_token="xoxb-1") == "not_allowed_token_type"


def test_a_user_gives_a_command_and_the_app_answers(api: Api, bot: InProcess, user: InProcess, general: str) -> None:
    talk = opened(api)
    assert talk.look is not None
    user.api_call("chat.command", params={"channel": general, "command": "/deploy", "text": "now"})
    [asked] = within(api, talk.look())
    payload = asked["payload"]
    assert (asked["type"], asked["accepts_response_payload"]) == ("slash_commands", True)
    assert (payload["command"], payload["text"], payload["user_id"]) == ("/deploy", "now", user.auth_test()["user_id"])
    say(api, talk, {"envelope_id": asked["envelope_id"], "payload": {"text": "on its way"}})
    assert api.told("posted_ephemeral")[-1]["text"] == "on its way"
    answer = Posting(api, payload["response_url"])
    for _ in range(4):
        assert answer.send(text="done", response_type="in_channel").body == "ok"
    assert answer.send(text="only for you").status_code == 200
    assert answer.send(text="once more").body == '{"ok":false,"error":"used_url"}'
    assert [one["text"] for one in bot.conversations_history(channel=general)["messages"]][:4] == ["done"] * 4
    assert (
        error(bot.api_call, "chat.command", params={"channel": general, "command": "/deploy"})
        == "not_allowed_token_type"
    )


def test_a_click_brings_a_view_and_changes_the_message(api: Api, bot: InProcess, user: InProcess, general: str) -> None:
    talk = opened(api)
    assert talk.look is not None
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
    made = bot.chat_postMessage(
        channel=general, text="Shall I?", blocks=[{"type": "actions", "block_id": "b", "elements": [button]}]
    )
    within(api, talk.look())
    container = {"channel_id": general, "message_ts": made["ts"]}
    action = {"type": "button", "action_id": "go", "block_id": "b", "value": "1"}
    user.api_call("blocks.actions", json={"container": container, "actions": [action]})
    [asked] = [one for one in within(api, talk.look()) if one["type"] == "interactive"]
    payload = asked["payload"]
    assert (payload["type"], payload["actions"][0]["value"], payload["message"]["ts"]) == (
        "block_actions",
        "1",
        made["ts"],
    )
    title = {"type": "plain_text", "text": "Sure?"}
    view = {"type": "modal", "callback_id": "sure", "title": title, "submit": title, "blocks": [
        {"type": "input", "block_id": "why", "label": title, "element": {"type": "plain_text_input", "action_id": "text"}}]}  # fmt: skip
    opened_view = bot.views_open(trigger_id=payload["trigger_id"], view=view)["view"]
    assert Posting(api, payload["response_url"]).send(text="Gone", replace_original=True).status_code == 200
    assert bot.conversations_history(channel=general)["messages"][0]["text"] == "Gone"
    values = {"why": {"text": {"type": "plain_text_input", "value": "since"}}}
    user.api_call("views.submit", json={"view_id": opened_view["id"], "state": {"values": values}})
    [submitted] = [one for one in within(api, talk.look()) if one["type"] == "interactive"]
    assert submitted["payload"]["view"]["state"]["values"] == values
    assert submitted["payload"]["view"]["callback_id"] == "sure"


def test_a_response_url_ends_after_half_an_hour(api: Api, user: InProcess, general: str) -> None:
    talk = opened(api)
    assert talk.look is not None
    user.api_call("chat.command", params={"channel": general, "command": "/x"})
    url = within(api, talk.look())[0]["payload"]["response_url"]
    api.passes(31 * 60)
    assert Posting(api, url).send(text="late").body == '{"ok":false,"error":"expired_url"}'
    assert Posting(api, url[:-1]).send(text="no").status_code == 404


# incoming webhooks


def test_an_incoming_webhook_posts_to_its_channel(api: Api, bot: InProcess, user: InProcess, general: str) -> None:
    with api.world.transaction() as tx:
        for hook, channel in (("B1", "random"), ("B2", "nowhere")):
            tx.put("slack", "incoming_webhook", hook, {"id": hook, "secret": "s3cret", "channel": channel})
    client = Posting(api, "https://hooks.slack.com/services/T1/B1/s3cret")
    assert client.send(text="*hello*", blocks=[{"type": "divider"}]).body == "ok"
    random = next(one["id"] for one in bot.conversations_list()["channels"] if one["name"] == "random")
    [message] = [one for one in bot.conversations_history(channel=random)["messages"] if one["text"] == "*hello*"]
    assert (message["subtype"], message["blocks"][0]["type"]) == ("bot_message", "divider")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.send("POST", client.url, form, b"payload=%7B%22text%22%3A%22hi%22%7D").body == b"ok"
    assert api.send("POST", client.url, form, b'{"text": "as curl says it"}').body == b"ok"
    refused = [
        (client.url, b"nonsense", 400, b"invalid_payload"),
        (client.url, b'{"text": ""}', 400, b"no_text"),
        (client.url, b'{"blocks": [{"type": "nothing"}]}', 400, b"invalid_blocks"),
        (client.url + "x", b'{"text": "x"}', 404, b"no_service"),
        (client.url.replace("B1", "B2"), b'{"text": "x"}', 404, b"channel_not_found"),
    ]
    for url, body, status, word in refused:
        reply = api.send("POST", url, {"Content-Type": "application/json"}, body)
        assert (reply.status, reply.body) == (status, word)
    user.conversations_archive(channel=random)
    assert api.send("POST", client.url, {}, b'{"text": "x"}').body == b"channel_is_archived"
