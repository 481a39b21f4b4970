"""Messages as slack_sdk sees them: posted, changed, deleted, in threads, for later, and in blocks built with its models."""

import pytest
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, DividerBlock, HeaderBlock, SectionBlock
from slack_sdk.models.metadata import Metadata

from tests.stubs.inprocess import START

from .conftest import Api, InProcess, error

NOW = START // 1000


def test_a_message_lives_from_its_posting_to_its_end(api: Api, bot: InProcess) -> None:
    """What is posted is found, changed, linked to and deleted by its `ts`; each step is told."""
    posted = bot.chat_postMessage(channel="#general", text="Deployed 1.2 <!channel>")
    channel, ts = posted["channel"], posted["ts"]
    assert posted["message"]["bot_profile"]["name"] == "Assistant"
    assert bot.conversations_history(channel=channel)["messages"] == [posted["message"]]
    changed = bot.chat_update(channel=channel, ts=ts, text="Deployed 1.3")
    assert changed["message"]["edited"]["user"] == posted["message"]["user"]
    link = bot.chat_getPermalink(channel=channel, message_ts=ts)["permalink"]
    assert link == f"https://acme.slack.com/archives/{channel}/p{ts.replace('.', '')}"
    bot.chat_delete(channel=channel, ts=ts)
    assert bot.conversations_history(channel=channel)["messages"] == []
    told = [(event.get("subtype"), event["channel"]) for event in api.told("message")]
    assert told == [(None, channel), ("message_changed", channel), ("message_deleted", channel)]
    assert error(bot.chat_update, channel=channel, ts=ts, text="Gone") == "message_not_found"


def test_every_ts_is_a_message_of_its_own(bot: InProcess) -> None:
    """Also of messages that are posted in the same second: each is later than the one before."""
    sent = [bot.chat_postMessage(channel="#random", text=f"{number}")["ts"] for number in range(30)]
    assert sorted(set(sent)) == sent


def test_a_mention_of_the_app_is_told_to_it(api: Api, bot: InProcess, user: InProcess) -> None:
    """Of a user's message, not of its own."""
    me = bot.auth_test()["user_id"]
    user.chat_postMessage(channel="#general", text=f"<@{me}> what's the weather?")
    bot.chat_postMessage(channel="#general", text=f"I am <@{me}>")
    assert [event["text"] for event in api.told("app_mention")] == [f"<@{me}> what's the weather?"]


def test_threads_count_those_who_reply(bot: InProcess, user: InProcess) -> None:
    """Their first message says how many replies there are, whose, and when the last came; a deleted one no longer counts."""
    root = bot.chat_postMessage(channel="#general", text="Standup")
    channel, ts = root["channel"], root["ts"]
    replies = [client.chat_postMessage(channel=channel, text="+1", thread_ts=ts)["ts"] for client in (bot, user, bot)]
    first, *rest = bot.conversations_replies(channel=channel, ts=ts)["messages"]
    assert (first["reply_count"], first["reply_users_count"], first["latest_reply"]) == (3, 2, replies[-1])
    assert [one["ts"] for one in rest] == replies
    page = bot.conversations_replies(channel=channel, ts=ts, limit=2)
    assert page["has_more"]
    more = bot.conversations_replies(channel=channel, ts=ts, limit=2, cursor=page["response_metadata"]["next_cursor"])
    assert [one["ts"] for one in more["messages"]] == replies[2:]
    for reply in (replies[0], replies[2]):
        bot.chat_delete(channel=channel, ts=reply)
    first = bot.conversations_replies(channel=channel, ts=ts)["messages"][0]
    assert (first["reply_count"], first["latest_reply"]) == (1, replies[1])
    assert [one["text"] for one in bot.conversations_history(channel=channel)["messages"]] == ["Standup"]


def test_blocks_of_the_sdk_are_taken_as_they_are(bot: InProcess) -> None:
    """What its models build is right, and comes back; what they would refuse themselves is refused here as well."""
    blocks = [
        HeaderBlock(text="Deploy"),
        SectionBlock(text="*1.2* is ready"),
        DividerBlock(),
        ActionsBlock(elements=[ButtonElement(text="Go", action_id="go", value="1.2")]),
    ]
    made = bot.chat_postMessage(channel="#general", blocks=blocks, text="1.2 is ready")["message"]
    assert [block["type"] for block in made["blocks"]] == ["header", "section", "divider", "actions"]
    wrong = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    assert error(bot.chat_postMessage, channel="#general", blocks=wrong, text="x") == "invalid_blocks"
    assert error(bot.chat_postMessage, channel="#general", blocks=[{"type": "divider"}] * 51) == "invalid_blocks"
    assert error(bot.chat_postMessage, channel="#general", text="x" * 40_001) == "msg_too_long"


def test_metadata_is_shown_to_who_asks(bot: InProcess) -> None:
    """It is kept with the message, and told in history only with `include_all_metadata`."""
    about = Metadata(event_type="deploy", event_payload={"version": "1.2"})
    channel = bot.chat_postMessage(channel="#general", text="Deployed", metadata=about)["channel"]
    assert "metadata" not in bot.conversations_history(channel=channel)["messages"][0]
    shown = bot.conversations_history(channel=channel, include_all_metadata=True)["messages"][0]
    assert shown["metadata"] == {"event_type": "deploy", "event_payload": {"version": "1.2"}}


def test_a_scheduled_message_is_posted_by_the_worlds_clock(api: Api, bot: InProcess) -> None:
    """In its channel and at its time; not if the channel is archived by then."""
    bot.chat_scheduleMessage(channel="#random", text="Lunch", post_at=NOW + 600)
    doomed = bot.conversations_create(name="doomed")["channel"]["id"]
    bot.chat_scheduleMessage(channel=doomed, text="Never", post_at=NOW + 600)
    bot.conversations_archive(channel=doomed)
    api.passes(700)
    channel = bot.conversations_list()["channels"][1]["id"]
    assert [one["text"] for one in bot.conversations_history(channel=channel)["messages"]] == ["Lunch"]
    assert bot.chat_scheduledMessages_list()["scheduled_messages"] == []
    assert [event["text"] for event in api.told("posted")] == ["Lunch"]


@pytest.mark.parametrize("channel", ["#nowhere", "C0NOWHERE00", "U0NOBODY00", ""])
def test_nowhere_is_no_place_to_post(api: Api, bot: InProcess, channel: str) -> None:
    """The refusal leaves nothing behind."""
    assert error(bot.chat_postMessage, channel=channel, text="Hi") == "channel_not_found"
    assert not api.effects


def test_json_that_is_none_or_no_object_posts_nothing(api: Api, bot: InProcess) -> None:
    """Each with Slack's own word for it."""
    for body, word in (("{", "invalid_json"), ("[1]", "json_not_object"), ('"text"', "json_not_object")):
        assert api.call("chat.postMessage", body, Content_Type="application/json")["error"] == word
    assert api.told("message") == []


def test_what_a_bot_says_under_another_name_is_of_no_user(api: Api, bot: InProcess) -> None:
    """Nor is it in history or in what apps are told; what it says under its own is its user's."""
    posted = bot.chat_postMessage(channel="#general", text="Good morning", username="Robo")
    history = bot.conversations_history(channel=posted["channel"])["messages"]
    for message in (posted["message"], history[0], api.told("message")[0]):
        assert (message["subtype"], message["username"], "user" in message) == ("bot_message", "Robo", False)
    own = bot.chat_postMessage(channel="#general", text="Good morning")["message"]
    assert ("subtype" in own, own["user"]) == (False, bot.auth_test()["user_id"])
    bot.chat_delete(channel=posted["channel"], ts=posted["ts"])  # it's still the bot's
