"""What is wrong with the personalizations of a request to send: who gets a mail, and what is theirs in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit import Context

from .fields import Fault, fault, headers, is_address, send_at, type_name

MOST = 1000  # personalizations, and recipients of all of them together
CUSTOM_ARGS = 10_000  # bytes, of one personalization, merged
SUBSTITUTIONS = 10_000


def personalizations(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with them: what each says for its own recipients, and how many all have together."""
    listed = body.get("personalizations")
    if not isinstance(listed, list) or not listed:
        yield fault(
            "The personalizations field is required and must have at least one personalization.", "personalizations",
            "-Personalizations-Errors",
        )  # fmt: skip
        return
    if len(listed) > MOST:
        yield fault(
            f"The personalization block is limited to {MOST} personalizations per API request. You have provided {len(listed)} "
            "personalizations. Please consider splitting this into multiple requests and resending your request.",
            "personalizations", "message.personalizations",
        )  # fmt: skip
        return
    total = 0
    for place, one in enumerate(listed):
        where = f"personalizations.{place}"
        if not isinstance(one, dict):
            yield fault("Invalid type. Expected: object, given: " + type_name(one) + ".", where)
            continue
        total += sum(len(one[kind]) for kind in ("to", "cc", "bcc") if isinstance(one.get(kind), list))
        yield from _recipients(one, where)
        yield from _custom_args({**_dict(body.get("custom_args")), **_dict(one.get("custom_args"))}, one, body, where)
        yield from headers(one.get("headers"), f"{where}.headers")
        yield from send_at(ctx, one.get("send_at"), f"{where}.send_at")
        if "subject" in one and (not isinstance(one["subject"], str) or not one["subject"]):
            yield fault("The subject of your email must be a string at least one character in length.", f"{where}.subject",
                        "message.personalizations.subject")  # fmt: skip
        yield from _substitutions(one.get("substitutions"), f"{where}.substitutions")
    if total > MOST:
        yield fault(f"There is a limit of {MOST} total recipients (to + cc + bcc) per request.", "personalizations",
                    "message.recipient-errors")  # fmt: skip


def _recipients(one: Mapping[str, Any], where: str) -> Iterator[Fault]:
    if not isinstance(one.get("to"), list) or not one["to"]:
        yield fault(
            "The to array is required for all personalization objects, and must have at least one email object with a valid "
            "email address.", f"{where}.to", "message.personalizations.to",
        )  # fmt: skip
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        listed = one.get(kind)
        if listed is None or (kind == "to" and not isinstance(listed, list)):
            continue
        if not isinstance(listed, list):
            yield fault(f"Invalid type. Expected: array, given: {type_name(listed)}.", f"{where}.{kind}")
            continue
        for place, recipient in enumerate(listed):
            address = recipient.get("email") if isinstance(recipient, dict) else None
            if not is_address(address):
                yield fault(
                    "Does not contain a valid address.",
                    f"{where}.{kind}.{place}.email",
                    f"message.personalizations.{kind}",
                )
                continue
            if str(address).lower() in seen:
                yield fault(
                    "Each email address in the personalization block should be unique between to, cc, and bcc. We found the "
                    f"first duplicate instance of [{address}] in the {where}.{kind} field.", where, "message.recipient-errors",
                )  # fmt: skip
                return
            seen.add(str(address).lower())


def _custom_args(
    merged: Mapping[str, Any], one: Mapping[str, Any], body: Mapping[str, Any], where: str
) -> Iterator[Fault]:
    for args, field in ((one.get("custom_args"), f"{where}.custom_args"), (body.get("custom_args"), "custom_args")):
        if args is not None and (
            not isinstance(args, dict) or not all(isinstance(value, str) for value in args.values())
        ):
            yield fault("All values of custom arguments object must be strings", field, "message.custom_args")
            return
    if sum(len(name.encode()) + len(value.encode()) for name, value in merged.items()) > CUSTOM_ARGS:
        yield fault(
            "The combined size of both global and personalization custom arguments may not exceed 10,000 bytes per "
            "personalization.", f"{where}.custom_args", "message.personalizations.custom_args",
        )  # fmt: skip


def _substitutions(value: Any, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        yield fault("The substitution values must be an object of key/value pairs, where the values are all strings.", where,
                    "message.personalizations.substitutions")  # fmt: skip
    elif len(value) > SUBSTITUTIONS:
        yield fault("You are limited to 10,000 substitutions.", where, "message.personalizations.substitutions")


def _dict(value: Any) -> dict[str, Any]:
    return {name: one for name, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}
