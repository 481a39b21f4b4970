"""Block Kit, as far as types, required fields and limits go: https://docs.slack.dev/reference/block-kit.

Each kind of block, element and composition object is a row of a table: what it must have, and how much of what it may.
What is wrong is told as Slack tells it, with a JSON pointer to the place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from childproof.stubkit import Context

from .callers import no

MOST = 50  # blocks of a message
MOST_IN_VIEW = 100
MOST_ATTACHMENTS = 100
_ID = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
type Check = Callable[[Any, str], list[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What an object of a type must have (`needed`; `either` one of these), how its fields are checked, how long they may be."""

    needed: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    fields: Mapping[str, Check] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)


def _at(place: str) -> str:
    return f"[json-pointer:{place}]"


def _text(longest: int, *types: str) -> Check:
    """A text object of one of the types, of so many characters at most."""
    allowed = types or ("plain_text", "mrkdwn")

    def check(value: Any, place: str) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"must be an object {_at(place)}"]
        if value.get("type") not in allowed:
            return [f"unsupported type: {value.get('type')} {_at(f'{place}/type')}"]
        said = value.get("text")
        if not isinstance(said, str):
            return [f"missing required field: text {_at(place)}"]
        if not said:
            return [f"must be more than 0 characters {_at(f'{place}/text')}"]
        return [f"must be less than {longest + 1} characters {_at(f'{place}/text')}"] if len(said) > longest else []

    return check


_PLAIN = ("plain_text",)


def _many(one: Check, most: int, least: int = 1) -> Check:
    def check(value: Any, place: str) -> list[str]:
        if not isinstance(value, list):
            return [f"must be an array {_at(place)}"]
        if len(value) > most:
            return [f"no more than {most} items allowed {_at(place)}"]
        if len(value) < least:
            return [f"no fewer than {least} items allowed {_at(place)}"]
        return [fault for number, item in enumerate(value) for fault in one(item, f"{place}/{number}")]

    return check


def _option(value: Any, place: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"must be an object {_at(place)}"]
    faults = [f"missing required field: {name} {_at(place)}" for name in ("text", "value") if name not in value]
    if not faults:
        faults = _text(75)(value["text"], f"{place}/text")
    return faults


def _group(value: Any, place: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"must be an object {_at(place)}"]
    faults = [f"missing required field: {name} {_at(place)}" for name in ("label", "options") if name not in value]
    return faults or [
        *_text(75, *_PLAIN)(value["label"], f"{place}/label"),
        *_many(_option, 100)(value["options"], f"{place}/options"),
    ]


_OPTIONS = {"options": _many(_option, 100), "option_groups": _many(_group, 100), "placeholder": _text(150, *_PLAIN)}
_SELECT = Kind(fields={"placeholder": _text(150, *_PLAIN)}, longest={"action_id": 255})
_STATIC = Kind(either=("options", "option_groups"), fields=_OPTIONS, longest={"action_id": 255})
_CHOICES = Kind(needed=("options",), fields={"options": _many(_option, 10)}, longest={"action_id": 255})
_INPUT = Kind(fields={"placeholder": _text(150, *_PLAIN)}, longest={"action_id": 255})
_SELECTS = ("static", "external", "users", "conversations", "channels")
ELEMENTS: Mapping[str, Kind] = {
    "button": Kind(("text",), fields={"text": _text(75, *_PLAIN)}, longest={"action_id": 255, "url": 3000, "value": 2000}),
    "workflow_button": Kind(("text", "workflow"), fields={"text": _text(75, *_PLAIN)}),
    "image": Kind(("alt_text",), ("image_url", "slack_file"), longest={"image_url": 3000, "alt_text": 2000}),
    "overflow": Kind(("options",), fields={"options": _many(_option, 5)}, longest={"action_id": 255}),
    **{f"{name}_select": _STATIC if name == "static" else _SELECT for name in _SELECTS},
    **{f"multi_{name}_select": _STATIC if name == "static" else _SELECT for name in _SELECTS},
    **dict.fromkeys(("checkboxes", "radio_buttons"), _CHOICES),
    **dict.fromkeys(("datepicker", "timepicker", "datetimepicker", "plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input", "file_input"), _INPUT),
    "feedback_buttons": Kind(("positive_button", "negative_button")),
    "icon_button": Kind(("icon", "text"), fields={"text": _text(75, *_PLAIN)}),
}  # fmt: skip


def _element(value: Any, place: str) -> list[str]:
    return _object(value, place, ELEMENTS)


def _in_context(value: Any, place: str) -> list[str]:
    if isinstance(value, Mapping) and value.get("type") != "image":
        return _text(2000)(value, place)
    return _element(value, place)


BLOCKS: Mapping[str, Kind] = {
    "section": Kind(
        either=("text", "fields"), fields={"text": _text(3000), "fields": _many(_text(2000), 10), "accessory": _element}
    ),
    "divider": Kind(),
    "header": Kind(("text",), fields={"text": _text(150, *_PLAIN)}),
    "image": Kind(
        ("alt_text",),
        ("image_url", "slack_file"),
        fields={"title": _text(2000, *_PLAIN)},
        longest={"image_url": 3000, "alt_text": 2000},
    ),
    "actions": Kind(("elements",), fields={"elements": _many(_element, 25)}),
    "context": Kind(("elements",), fields={"elements": _many(_in_context, 10)}),
    "context_actions": Kind(("elements",), fields={"elements": _many(_element, 5)}),
    "input": Kind(
        ("label", "element"), fields={"label": _text(2000, *_PLAIN), "element": _element, "hint": _text(2000, *_PLAIN)}
    ),
    "file": Kind(("external_id", "source")),
    "video": Kind(("alt_text", "title", "thumbnail_url", "video_url"), fields={"title": _text(200, *_PLAIN)}),
    "rich_text": Kind(("elements",)),
    "markdown": Kind(("text",), longest={"text": 12_000}),
    "table": Kind(("rows",)),
    "call": Kind(("call_id",)),
    "task_card": Kind(("task_id", "title")),
    "plan": Kind(("title",)),
}


def _object(value: Any, place: str, kinds: Mapping[str, Kind]) -> list[str]:
    """What is wrong with an object of one of the kinds."""
    if not isinstance(value, Mapping):
        return [f"must be an object {_at(place)}"]
    if "type" not in value:
        return [f"missing required field: type {_at(place)}"]
    kind = kinds.get(value["type"]) if isinstance(value["type"], str) else None
    if kind is None:
        return [f"unsupported type: {value['type']} {_at(f'{place}/type')}"]
    faults = [f"missing required field: {name} {_at(place)}" for name in kind.needed if value.get(name) is None]
    if kind.either and not any(value.get(name) is not None for name in kind.either):
        words = " or ".join(f"`{name}`" for name in kind.either)
        faults.append(f"must define either {words} {_at(place)}")
    for name, longest in {**kind.longest, "block_id": 255}.items():
        if isinstance(value.get(name), str) and len(value[name]) > longest:
            faults.append(f"must be less than {longest + 1} characters {_at(f'{place}/{name}')}")
    for name, check in kind.fields.items():
        if value.get(name) is not None:
            faults.extend(check(value[name], f"{place}/{name}"))
    return faults


def faults_of(blocks: list[Any], place: str = "/blocks", most: int = MOST) -> list[str]:
    """Everything that is wrong with a list of blocks, in Slack's words."""
    if len(blocks) > most:
        return [f"no more than {most} items allowed {_at(place)}"]
    faults = [fault for number, block in enumerate(blocks) for fault in _object(block, f"{place}/{number}", BLOCKS)]
    ids = [block.get("block_id") for block in blocks if isinstance(block, Mapping) and block.get("block_id")]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    return [*faults, f"`block_id` {twice} already exists {_at(place)}"] if twice is not None else faults


def checked_blocks(ctx: Context, given: Any, *, place: str = "/blocks", most: int = MOST) -> list[dict[str, Any]]:
    """Blocks as they are kept, each with an id. Refuses what Slack refuses."""
    if not isinstance(given, list):
        raise no("invalid_blocks_format")
    faults = faults_of(given, place, most)
    if faults:
        raise no("invalid_blocks", *faults, errors=faults)
    return [_kept(ctx, block) for block in given]


def _kept(ctx: Context, block: Mapping[str, Any]) -> dict[str, Any]:
    made = {"type": block["type"], "block_id": block.get("block_id") or ctx.token(5, _ID), **block}
    if isinstance(made.get("text"), Mapping):
        said = made["text"]
        more = {"verbatim": False} if said["type"] == "mrkdwn" else {"emoji": True}
        made["text"] = {**more, **said}
    return made


def checked_attachments(ctx: Context, given: Any) -> list[dict[str, Any]]:
    """Attachments as they are kept, numbered, with a fallback."""
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise no("invalid_attachments", "must be an array of objects [json-pointer:/attachments]")
    if len(given) > MOST_ATTACHMENTS:
        raise no("too_many_attachments")
    made = []
    for number, one in enumerate(given):
        kept = {"id": number + 1, **one}
        if "color" in kept:
            kept["color"] = str(kept["color"]).removeprefix("#")
        if isinstance(one.get("blocks"), list):
            kept["blocks"] = checked_blocks(ctx, one["blocks"], place=f"/attachments/{number}/blocks")
        kept.setdefault(
            "fallback", str(one.get("text") or one.get("title") or one.get("pretext") or "[no preview available]")
        )
        made.append(kept)
    return made
