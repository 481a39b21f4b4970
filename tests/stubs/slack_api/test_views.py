"""Modals and home tabs by slack_sdk: they need a trigger, are checked, and change only for who knows their hash."""

from typing import Any

import pytest

from .conftest import Api, InProcess, error
from .test_apps import opened, within

TITLE = {"type": "plain_text", "text": "Title"}


def modal(**more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": TITLE, "blocks": [{"type": "divider"}], **more}


@pytest.fixture
def general(bot: InProcess) -> str:
    return next(one["id"] for one in bot.conversations_list()["channels"] if one["name"] == "general")


@pytest.fixture
def trigger(api: Api, user: InProcess, general: str) -> Any:
    """A new trigger each time: a user gives a command, the app hears of it."""
    talk = opened(api)

    def make() -> str:
        assert talk.look is not None
        user.api_call("chat.command", params={"channel": general, "command": "/do"})
        return str(within(api, talk.look())[-1]["payload"]["trigger_id"])

    return make


def test_a_trigger_opens_one_view_within_three_seconds(api: Api, bot: InProcess, trigger: Any) -> None:
    first = trigger()
    view = bot.views_open(trigger_id=first, view=modal(callback_id="c", private_metadata="m"))["view"]
    assert (view["type"], view["callback_id"], view["private_metadata"], view["root_view_id"]) == (
        "modal",
        "c",
        "m",
        view["id"],
    )
    assert view["state"] == {"values": {}}
    assert error(bot.views_open, trigger_id=first, view=modal()) == "exchanged_trigger_id"
    late = trigger()
    api.passes(4)
    assert error(bot.views_open, trigger_id=late, view=modal()) == "expired_trigger_id"
    assert error(bot.views_open, trigger_id="1.2.3", view=modal()) == "invalid_trigger_id"


def test_views_are_pushed_up_to_three(bot: InProcess, trigger: Any) -> None:
    assert error(bot.views_push, trigger_id=trigger(), view=modal()) == "not_found"
    root = bot.views_open(trigger_id=trigger(), view=modal())["view"]
    second = bot.views_push(trigger_id=trigger(), view=modal())["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (root["id"], root["id"])
    bot.views_push(trigger_id=trigger(), view=modal())
    assert error(bot.views_push, trigger_id=trigger(), view=modal()) == "push_limit_reached"


def test_updates_know_a_view_by_id_or_name_and_may_ask_for_its_hash(bot: InProcess, trigger: Any) -> None:
    view = bot.views_open(trigger_id=trigger(), view=modal(external_id="mine"))["view"]
    changed = bot.views_update(
        external_id="mine", hash=view["hash"], view=modal(external_id="mine", callback_id="two")
    )["view"]
    assert (changed["id"], changed["callback_id"], changed["hash"] != view["hash"]) == (view["id"], "two", True)
    assert error(bot.views_update, view_id=view["id"], hash=view["hash"], view=modal()) == "hash_conflict"
    assert error(bot.views_update, view_id="V0NOBODY", view=modal()) == "not_found"
    assert error(bot.views_push, trigger_id=trigger(), view=modal(external_id="mine")) == "duplicate_external_id"


def test_a_home_tab_is_each_users_own(bot: InProcess, user: InProcess) -> None:
    me, other = user.auth_test()["user_id"], bot.auth_test()["user_id"]
    home = {"type": "home", "blocks": [{"type": "header", "text": TITLE}]}
    first = bot.views_publish(user_id=me, view=home)["view"]
    assert bot.views_publish(user_id=me, view=home, hash=first["hash"])["view"]["id"] == first["id"]
    assert error(bot.views_publish, user_id=me, view=home, hash=first["hash"]) == "hash_conflict"
    assert bot.views_publish(user_id=other, view=home)["view"]["id"] != first["id"]
    assert error(bot.views_publish, user_id="U0NOBODY", view=home) == "invalid_arguments"


@pytest.mark.parametrize(
    "view",
    [
        "nonsense",
        {"type": "modal", "blocks": []},
        modal(type="home"),
        modal(title={"type": "mrkdwn", "text": "x"}),
        modal(title={"type": "plain_text", "text": "x" * 25}),
        modal(private_metadata="x" * 3001),
        modal(blocks=[{"type": "nothing"}]),
        modal(blocks=[{"type": "divider"}] * 101),
        modal(blocks=[{"type": "input", "label": TITLE, "element": {"type": "plain_text_input"}}]),
    ],
)
def test_what_is_wrong_is_refused_and_leaves_the_trigger_usable(bot: InProcess, trigger: Any, view: Any) -> None:
    used = trigger()
    assert error(bot.views_open, trigger_id=used, view=view) == "invalid_arguments"
    assert bot.views_open(trigger_id=used, view=modal())["ok"]
