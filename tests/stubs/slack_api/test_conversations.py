"""Conversations and who is in them, reactions and pins, as slack_sdk sees them."""

import json

import pytest

from .conftest import BOT, Api, InProcess, error


def test_pages_of_a_list_go_on_where_the_last_ended(bot: InProcess) -> None:
    """The SDK's own iteration meets each channel once."""
    made = [bot.conversations_create(name=f"team-{number}")["channel"]["id"] for number in range(5)]
    seen = [channel["id"] for page in bot.conversations_list(limit=2) for channel in page["channels"]]
    assert seen[2:] == made
    assert len(seen) == 7


def test_history_since_a_time_is_read_whole_by_cursors(bot: InProcess) -> None:
    """Each message after `oldest` is met once, the newest first."""
    sent = [bot.chat_postMessage(channel="#random", text=f"{number}") for number in range(7)]
    channel, since = sent[0]["channel"], sent[1]["ts"]
    pages = bot.conversations_history(channel=channel, oldest=since, limit=2)
    assert [one["text"] for page in pages for one in page["messages"]] == ["6", "5", "4", "3", "2"]


def test_people_are_those_of_the_world(bot: InProcess, user: InProcess) -> None:
    """The first one installed the app and owns the workspace; each is found by the address of their profile."""
    members = [member for member in bot.users_list()["members"] if not member["is_bot"]]
    assert len(members) == 5
    assert members[0]["id"] == user.auth_test()["user_id"]
    for member in members:
        assert bot.users_lookupByEmail(email=member["profile"]["email"].upper())["user"]["id"] == member["id"]


def test_an_invitation_is_for_all_or_none(api: Api, bot: InProcess) -> None:
    """One that can't be invited keeps the others out, unless it is forced; who comes in is told of."""
    people = [member["id"] for member in bot.users_list()["members"] if not member["is_bot"]]
    channel = bot.conversations_create(name="launch")["channel"]["id"]
    assert error(bot.conversations_invite, channel=channel, users=[people[0], "U0NOBODY"]) == "user_not_found"
    assert bot.conversations_members(channel=channel)["members"] == [bot.auth_test()["user_id"]]
    forced = bot.conversations_invite(channel=channel, users=[people[0], "U0NOBODY"], force=True)
    assert [one["user"] for one in forced["errors"]] == ["U0NOBODY"]
    bot.conversations_invite(channel=channel, users=people[1:3])
    assert [event["user"] for event in api.told("member_joined_channel")] == people[:3]
    assert bot.conversations_info(channel=channel, include_num_members=True)["channel"]["num_members"] == 4


def test_a_private_channel_is_seen_from_inside_alone(bot: InProcess, user: InProcess) -> None:
    """To anybody else it isn't there, until they are invited."""
    channel = user.conversations_create(name="salaries", is_private=True)["channel"]["id"]
    for action in (
        bot.conversations_info,
        bot.conversations_history,
        bot.conversations_members,
        bot.conversations_join,
    ):
        assert error(action, channel=channel) == "channel_not_found"
    assert error(bot.chat_postMessage, channel="#salaries", text="Hi") == "channel_not_found"
    user.conversations_invite(channel=channel, users=[bot.auth_test()["user_id"]])
    bot.chat_postMessage(channel=channel, text="Hi")
    assert bot.conversations_list(types="private_channel")["channels"][0]["id"] == channel


def test_a_direct_message_is_the_same_from_both_sides(bot: InProcess, user: InProcess) -> None:
    """Each sees the other as its `user`; opening it again gives the same."""
    me, other = bot.auth_test()["user_id"], user.auth_test()["user_id"]
    mine = bot.conversations_open(users=[other], return_im=True)["channel"]
    theirs = user.conversations_open(users=me, return_im=True)["channel"]
    assert (mine["id"], mine["user"], theirs["user"]) == (theirs["id"], other, me)
    user.chat_postMessage(channel=mine["id"], text="Hello bot")
    assert bot.conversations_history(channel=mine["id"])["messages"][0]["text"] == "Hello bot"


def test_reactions_and_pins_are_the_messages(api: Api, bot: InProcess, user: InProcess) -> None:
    """They show on it, count who made them, and go with it."""
    posted = bot.chat_postMessage(channel="#general", text="Done")
    where = {"channel": posted["channel"], "timestamp": posted["ts"]}
    for client in (bot, user):
        client.reactions_add(name="white_check_mark", **where)
    user.pins_add(**where)
    shown = bot.reactions_get(**where)["message"]
    assert [(one["name"], one["count"]) for one in shown["reactions"]] == [("white_check_mark", 2)]
    assert shown["pinned_to"] == [posted["channel"]]
    assert bot.conversations_history(channel=posted["channel"])["pin_count"] == 1
    bot.chat_delete(channel=posted["channel"], ts=posted["ts"])
    assert bot.pins_list(channel=posted["channel"])["items"] == []
    assert [event["reaction"] for event in api.told("reaction_added")] == ["white_check_mark"] * 2
    assert len(api.told("pin_added")) == 1


def test_generic_methods_answer_in_their_shape(bot: InProcess) -> None:
    """What has no behaviour of its own is `ok`, and as documented."""
    assert bot.dnd_info()["ok"]
    assert bot.team_billableInfo()["ok"]


@pytest.mark.parametrize(
    ("token", "found"),
    [(None, "not_authed"), ("", "not_authed"), ("nonsense", "invalid_auth"), ("xapp-1-A1-2", "not_allowed_token_type")],
)
def test_who_has_no_token_or_a_wrong_one_is_told_so(api: Api, token: str | None, found: str) -> None:
    """At status 200, as everything but a rate limit."""
    assert api.call("conversations.list", token=token) == {"ok": False, "error": found}


def test_rates_are_held_per_token_and_method(api: Api, bot: InProcess) -> None:
    """Beyond them it is 429, in Slack's words, and the SDK is told when to come again."""
    replies = [
        api.send("POST", "https://slack.com/api/users.list", {"Authorization": f"Bearer {BOT}"}, b"") for _ in range(30)
    ]
    last = next(reply for reply in replies if reply.status == 429)
    assert json.loads(last.body) == {"ok": False, "error": "ratelimited"}
    assert 1 <= int(dict(last.headers)["Retry-After"]) <= 60
    assert bot.users_info(user=bot.auth_test()["user_id"])["ok"]


def test_every_reply_names_its_request(api: Api) -> None:
    """By a header of its own, and says which scopes the token has."""
    first, second = (api.send("POST", "https://slack.com/api/api.test", {}, b"") for _ in range(2))
    ids = {dict(reply.headers)["x-slack-req-id"] for reply in (first, second)}
    assert len(ids) == 2
    assert "chat:write" in dict(first.headers)["x-oauth-scopes"]
