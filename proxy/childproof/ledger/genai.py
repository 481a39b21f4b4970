"""What a call to a model says of itself, in the words of OpenTelemetry's conventions for generative AI.

Such a call is known by its shape, a path that clients of that kind ask for with a body that they send, and not by whose
host it goes to: gateways, local servers and stubs speak the same dialects. `gen_ai.provider.name` names the dialect, as
the conventions have it for services that are compatible with another one.
"""

import re
from typing import Any

import msgspec

from .entry import Entry, Recorded

Value = str | int | float | bool | list[str]

# The path's end -> operation, dialect, and a field that the body must have.
_SHAPES: tuple[tuple[re.Pattern[str], str, str, str], ...] = (
    (re.compile(r"/chat/completions"), "chat", "openai", "messages"),
    (re.compile(r"/responses"), "chat", "openai", "input"),
    (re.compile(r"/completions"), "text_completion", "openai", "prompt"),
    (re.compile(r"/embeddings"), "embeddings", "openai", "input"),
    (re.compile(r"/messages"), "chat", "anthropic", "messages"),
    (
        re.compile(r"/models/(?P<model>[^/:]+):(?:g|streamG)enerateContent"),
        "generate_content",
        "gcp.gen_ai",
        "contents",
    ),
)
_REQUEST = {  # the body's own word -> the attribute's
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "seed": "seed",
    "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty",
}  # fmt: skip
_INPUT = ("prompt_tokens", "input_tokens", "promptTokenCount")
_OUTPUT = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_MODEL = re.compile(r'"model"\s*:\s*"([^"\\]{1,200})"')


def genai_attributes(entry: Entry) -> dict[str, Value]:
    """The `gen_ai.*` attributes of a call to a model; empty for any other."""
    if entry.protocol != "http" or entry.method != "POST" or entry.request is None:
        return {}
    path = entry.path.partition("?")[0].rstrip("/")
    for pattern, operation, dialect, field in _SHAPES:
        found = next((match for match in pattern.finditer(path) if match.end() == len(path)), None)
        if found is None:
            continue
        body = _object(entry.request)
        if body is None or (not entry.request.cut and field not in body):
            return {}
        named = found.groupdict().get("model") or body.get("model")
        if not isinstance(named, str):
            return {}
        return {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": dialect,
            "gen_ai.request.model": named,
            "gen_ai.conversation.id": entry.world,
            **_asked(body),
            **_answered(_object(entry.reply)),
        }
    return {}


def _asked(body: dict[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    settings = body.get("generationConfig")
    for source in (body, settings if isinstance(settings, dict) else {}):
        for name, attribute in _REQUEST.items():
            value = source.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[f"gen_ai.request.{attribute}"] = value
    stop = body.get("stop", body.get("stop_sequences"))
    if stop and isinstance(stop, str | list):
        found["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else [str(item) for item in stop]
    return found


def _answered(body: dict[str, Any] | None) -> dict[str, Value]:
    if body is None:
        return {}
    found: dict[str, Value] = {}
    for attribute, names in (("id", ("id", "responseId")), ("model", ("model", "modelVersion"))):
        value = next((body[name] for name in names if isinstance(body.get(name), str)), None)
        if value is not None:
            found[f"gen_ai.response.{attribute}"] = value
    choices = body.get("choices") or body.get("candidates")
    reasons = [
        str(choice.get("finish_reason") or choice.get("finishReason"))
        for choice in (choices if isinstance(choices, list) else [body])
        if isinstance(choice, dict) and (choice.get("finish_reason") or choice.get("finishReason"))
    ]
    if isinstance(body.get("stop_reason"), str):
        reasons.append(body["stop_reason"])
    if reasons:
        found["gen_ai.response.finish_reasons"] = reasons
    usage = body.get("usage") or body.get("usageMetadata")
    if isinstance(usage, dict):
        for attribute, words in (("input_tokens", _INPUT), ("output_tokens", _OUTPUT)):
            count = next((usage[name] for name in words if isinstance(usage.get(name), int)), None)
            if count is not None:
                found[f"gen_ai.usage.{attribute}"] = count
    return found


def _object(part: Recorded | None) -> dict[str, Any] | None:
    """A body's JSON object. Of one that was cut, what its kept beginning says of the model."""
    if part is None:
        return None
    if part.cut:
        found = _MODEL.search(part.body)
        return {"model": found[1]} if found is not None else None
    try:
        value = msgspec.json.decode(part.body)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None
