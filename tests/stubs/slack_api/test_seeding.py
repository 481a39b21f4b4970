"""What a world file says of Slack is there as if people had made it: slack_sdk reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.run.planting import grow
from childproof.stubkit.stub import Stub
from childproof.world.world import World
from tests.stubs.inprocess import START, shipped_catalog, world_of

from .conftest import BOT, USER, Api, InProcess, error

FILE = """
world: office
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: {count: 60, given: [{name: Maria Lopez, email: maria@example.com}, {name: Tom Ash, email: tom@example.com}]}
slack:
  users: people
  incoming_webhooks: [{id: B0HOOKHOOK, secret: aBcDeFgHiJkL, channel: "#deploys"}]
  channels:
    - {name: deploys, topic: What goes out}
    - {name: founders, private: true, members: [tom@example.com]}
  messages:
    - {channel: deploys, text: 1.1 is out, ago: 2d}
    - {channel: deploys, text: Finally & at last, from: tom@example.com, ago: 1d}
  tokens:
    - {token: xoxb-reader-1, scopes: ["channels:read"]}
    - {token: xoxp-tom-1, scopes: ["chat:write", "groups:read"], user: tom@example.com}
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of(FILE, tmp_path_factory.mktemp("seeds")) as world:
        yield world


@pytest.fixture
def there(office: World, stub: Stub) -> Api:
    return Api(stub, office)


def test_all_people_are_users(there: Api) -> None:
    """Each in #general, beside the bot; the first is whose token is the user's."""
    bot = InProcess(there, BOT)
    members = [member for page in bot.users_list(limit=25) for member in page["members"]]
    assert len(members) == 61
    assert InProcess(there, USER).users_identity()["user"]["name"] == "Maria Lopez"
    [general, *_] = bot.conversations_list()["channels"]
    assert (general["name"], general["num_members"]) == ("general", 61)


def test_channels_hold_what_was_said_at_its_time(there: Api) -> None:
    """By whom, and when; a private channel only for those in it."""
    bot = InProcess(there, BOT)
    [deploys] = [one for one in bot.conversations_list()["channels"] if one["name"] == "deploys"]
    newest, oldest = bot.conversations_history(channel=deploys["id"])["messages"]
    assert (newest["text"], oldest["text"]) == ("Finally &amp; at last", "1.1 is out")
    assert [int(float(one["ts"])) for one in (newest, oldest)] == [START // 1000 - 86_400, START // 1000 - 2 * 86_400]
    assert bot.users_info(user=newest["user"])["user"]["real_name"] == "Tom Ash"
    assert error(bot.chat_postMessage, channel="#founders", text="Hi") == "channel_not_found"
    tom = InProcess(there, "xoxp-tom-1")
    assert [one["name"] for one in tom.conversations_list(types="private_channel")["channels"]] == ["founders"]


def test_a_token_may_do_what_its_scopes_say(there: Api) -> None:
    """Anything else is `missing_scope`, with what is needed and what there is."""
    reader, tom = InProcess(there, "xoxb-reader-1"), InProcess(there, "xoxp-tom-1")
    assert reader.conversations_list()["ok"]
    told = there.call("chat.postMessage", "channel=%23deploys&text=Hi", token="xoxb-reader-1")
    assert told == {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "channels:read"}
    assert error(tom.users_list) == "missing_scope"
    said = tom.chat_postMessage(channel="#deploys", text="Hi")["message"]
    assert InProcess(there, BOT).users_info(user=said["user"])["user"]["real_name"] == "Tom Ash"


def test_a_webhook_posts_to_a_channel_that_the_file_has_further_down(there: Api) -> None:
    """Whatever the order of the file; and there are no other webhooks then."""
    address = "https://hooks.slack.com/services/T0ABCDEF12"
    assert there.send("POST", f"{address}/B0HOOKHOOK/aBcDeFgHiJkL", {}, b'{"text": "2.0 is out"}').status == 200
    assert there.send("POST", f"{address}/B0ANOTHER1/aBcDeFgHiJkL", {}, b'{"text": "Hi"}').status == 404
    bot = InProcess(there, BOT)
    deploys = next(one["id"] for one in bot.conversations_list()["channels"] if one["name"] == "deploys")
    assert bot.conversations_history(channel=deploys, limit=1)["messages"][0]["text"] == "2.0 is out"


WRONG = {
    "messages: [{channel: nowhere, text: Hi}]": "there is no channel 'nowhere'",
    "channels: [{name: general}]": "the channel 'general' is there already",
    "messages: [{text: Hi, from: nobody@example.com}]": "nobody@example.com is no user",
    "users: everybody": "users",
    "channels: [{name: Bad Name}]": "'Bad Name' is refused with invalid_name_specials",
    "tokens: [{token: hunter2, scopes: []}]": "'hunter2' is no token",
    "apps: [{id: A0X, nam: Watcher}]": "unknown key 'nam'",
    "apps: [{id: A0X, request_url: localhost}]": "'localhost' is no URL",
    "apps: [{id: A0X, commands: [{command: deploy}]}]": "'deploy' doesn't begin with /",
    "incoming_webhooks: [{id: B0HOOKHOOK, secrt: X}]": "unknown key 'secrt'",
    "incoming_webhooks: [{id: B0HOOKHOOK, secret: X, channel: nowhere}]": "there is no channel 'nowhere'",
}


@pytest.mark.parametrize("section", WRONG)
def test_what_can_not_be_is_refused_before_anything_is_made(tmp_path: Path, section: str) -> None:
    """With its place in the file."""
    file = tmp_path / "office.yaml"
    file.write_text(f"world: office\npeople: 6\nslack:\n  {section}\n")
    with pytest.raises(InputError) as caught, grow(file, shipped_catalog(), lambda: START):
        pass
    assert WRONG[section] in str(caught.value)
    assert str(caught.value).startswith(f"{file}:4:")
