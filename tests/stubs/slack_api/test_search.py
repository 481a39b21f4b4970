"""Search by slack_sdk: words, modifiers and pages, of what the user may see."""

import pytest

from .conftest import Api, InProcess, error
from .test_files import Uploading


@pytest.fixture
def told(api: Api, bot: InProcess, user: InProcess) -> dict[str, str]:
    """Channels by name, with something said in them."""
    places = {one["name"]: one["id"] for one in bot.conversations_list()["channels"]}
    bot.chat_postMessage(channel=places["general"], text="Deploy of the billing service is done")
    user.chat_postMessage(channel=places["general"], text="the deployment failed, see https://ci.example")
    user.chat_postMessage(channel=places["random"], text="lunch? then deploy")
    hidden = bot.conversations_create(name="bots-only", is_private=True)["channel"]["id"]
    bot.chat_postMessage(channel=hidden, text="deploy keys")
    api.passes(3 * 86_400)
    user.chat_postMessage(channel=places["random"], text="a new day, no deploy")
    bot.reactions_add(
        channel=places["random"],
        timestamp=bot.conversations_history(channel=places["random"])["messages"][0]["ts"],
        name="wave",
    )
    return places


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("deploy", ["a new day", "lunch", "Deploy of"]),
        ("deploy*", ["a new day", "lunch", "the deployment", "Deploy of"]),
        ('"billing service"', ["Deploy of"]),
        ("deploy -lunch", ["a new day", "Deploy of"]),
        ("deploy in:#random", ["a new day", "lunch"]),
        ("deploy -in:random", ["Deploy of"]),
        ("deploy from:me", ["a new day", "lunch"]),
        ("deploy from:@assistant", ["Deploy of"]),
        ("deploy* has:link", ["the deployment"]),
        ("deploy has::wave:", ["a new day"]),
        ("deploy before:2026-01-08", ["lunch", "Deploy of"]),
        ("deploy after:2026-01-05", ["a new day"]),
        ("deploy on:2026-01-05", ["lunch", "Deploy of"]),
        ("deploy during:january", ["a new day", "lunch", "Deploy of"]),
        ("deploy on:today", ["a new day"]),
        ("deploy before:2025-12", []),
        ("keys", []),
    ],
)
def test_what_a_query_finds(user: InProcess, told: dict[str, str], query: str, found: list[str]) -> None:
    matches = user.search_messages(query=query, sort="timestamp")["messages"]["matches"]
    assert [match["text"][: len(word)] for match, word in zip(matches, found, strict=True)] == found


def test_pages_order_and_marks(user: InProcess, told: dict[str, str]) -> None:
    first = user.search_messages(query="deploy", sort="timestamp", sort_dir="asc", count=2, highlight=True)["messages"]
    assert first["total"] == 3
    assert first["paging"] == {"count": 2, "total": 3, "page": 1, "pages": 2}
    assert first["matches"][0]["text"].startswith("\ue000Deploy\ue001 of")
    assert first["matches"][0]["channel"]["name"] == "general"
    assert "/archives/" in first["matches"][0]["permalink"]
    last = user.search_messages(query="deploy", sort="timestamp", sort_dir="asc", count=2, page=2)["messages"]
    assert [match["text"] for match in last["matches"]] == ["a new day, no deploy"]
    assert (last["pagination"]["first"], last["pagination"]["last"]) == (3, 3)


def test_files_are_found_by_name_and_what_is_in_them(api: Api, user: InProcess, told: dict[str, str]) -> None:
    client = Uploading(api, "xoxb-childproof-test")
    client.files_upload_v2(content="revenue,42", filename="q3.csv", title="Quarter", channel=told["general"])
    client.files_upload_v2(content="revenue,0", filename="private.csv")
    assert [one["name"] for one in user.search_files(query="revenue")["files"]["matches"]] == ["q3.csv"]
    both = user.search_all(query="quarter")
    assert (both["files"]["total"], both["messages"]["total"]) == (1, 0)


def test_only_users_search_and_for_something(bot: InProcess, user: InProcess) -> None:
    assert error(bot.search_messages, query="x") == "not_allowed_token_type"
    assert error(user.search_messages, query=" ") == "no_query"
    assert error(user.search_messages, query="x", page=101) == "invalid_arguments"
