"""One rule of a rule file, read into a compiled Rule: its action, its condition and what modifies it."""

import base64
import binascii
import re
from collections.abc import Collection
from difflib import get_close_matches

import msgspec

from childproof.model import Action, Protocol, Reply
from childproof.model import Part as BodyPart

from .allow import NOTHING_SAID
from .condition import Condition, ConditionError, compile_condition
from .limit import Limit
from .read_allow import named_networks, read_allow
from .read_limit import read_limits
from .read_match import read_match
from .reader import Part
from .rule import Delay, Match, Rule, RuleFault
from .units import milliseconds

_ACTIONS = ("stub", "reply", "allow", "deny")
_MODIFIERS = {"limit", "fault", "delay"}
_PLAIN: tuple[tuple[Limit, ...], None, None] = ((), None, None)  # a rule without any of them
_HTTP = (Protocol.HTTP,)
_OURS = {"content-length", "transfer-encoding", "connection", "date", "x-childproof"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_rule(part: Part, stubs: Collection[str] | None, *, enforce: bool = True) -> Rule | None:
    """Read a rule. None where too little of it makes sense; its faults stand in the report either way.

    `enforce` is what the file says for those of its rules that say nothing themselves.
    """
    match_part = part.part("match")
    match = read_match(match_part) if match_part is not None else Match()
    action = _action(part, match)
    condition = _condition(part, match)
    modified = part.value.keys() & _MODIFIERS
    limits, fault, delay = (read_limits(part, match), _fault(part, match), _delay(part)) if modified else _PLAIN
    for key in modified if action is Action.DENY else ():
        if part.get(key) is not None:
            part.fault(key, f"{key!r} in a rule that denies", "it only beside stub, reply or allow")
    stub = _stub(part, stubs) if "stub" in part.value else None
    reply = _reply(part, match) if action is Action.REPLY else None
    networks = named_networks(part, match) if action is Action.ALLOW else ()
    name = part.get("name")
    if action is None or match_part is None or not isinstance(name, str):
        return None
    return Rule(
        name=name,
        action=action,
        match=match,
        condition=condition,
        stub=stub,
        reply=reply,
        parts=_parts(part) if reply is not None else (),
        reason=_reason(part) if action is Action.DENY else "",
        networks=networks,
        allow=read_allow(part, match) if action is Action.ALLOW else NOTHING_SAID,
        limits=limits,
        fault=fault,
        delay=delay,
        enforce=_enforced(part, action, enforce=enforce),
    )


def _enforced(part: Part, action: Action, *, enforce: bool) -> bool:
    """Only what is or may be a denial can be left unenforced; a stub always answers, whatever the file says."""
    given = part.get("enforce")
    if action in (Action.DENY, Action.ALLOW):
        return enforce if given is None else bool(given)
    if given is False:
        part.fault(
            "enforce",
            f"'enforce: false' in a rule with {action.value!r}",
            "it only beside deny and allow: what a stub or a reply answers never goes out",
        )
    return True


def _action(part: Part, match: Match) -> Action | None:
    given = [key for key in _ACTIONS if key in part.value]
    if len(given) != 1:
        found = f"{' and '.join(map(repr, given))} together" if given else "no action"
        where = given[1] if given else "name"
        part.fault(where, found, "exactly one of stub, reply, allow and deny", "" if given else "deny: {}")
        return None
    action = Action(given[0])
    for protocol in match.protocols if match.protocols != _HTTP else ():  # which can be answered in any way
        expected = _impossible(action, protocol)
        if expected:
            part.fault(action, f"{action.value!r} in a rule for {protocol}", expected, "deny: {}")
            return None
    if action is Action.REPLY and len(match.protocols) > 1:
        part.fault("reply", "one reply for several protocols", "a rule for each protocol")
        return None
    return action


def _impossible(action: Action, protocol: Protocol) -> str:
    """Why an action can't be had for a protocol, as what to expect; empty where it can."""
    match protocol, action:
        case Protocol.DNS, Action.ALLOW | Action.STUB:
            return (
                "reply or deny: names are answered by childproof; rules for http or tcp decide on the calls themselves"
            )
        case Protocol.UDP, Action.ALLOW:
            return "deny: UDP can't be forwarded"
        case Protocol.SMTP, Action.ALLOW:
            return "stub, reply or deny: passing mail on would need the password, which is never kept"
        case Protocol.TCP | Protocol.UDP, Action.STUB | Action.REPLY:
            return "allow or deny: a raw connection has no answer to give" if protocol is Protocol.TCP else "deny"
    return ""


def _condition(part: Part, match: Match) -> Condition | None:
    text = part.get("when")
    if text is None:
        return None
    try:
        return compile_condition(text, match.protocols)
    except ConditionError as error:
        part.fault("when", str(error), error.expected, error.write)
        return None


def _stub(part: Part, stubs: Collection[str] | None) -> str | None:
    name = part.get("stub")
    if name is not None and stubs is not None and name not in stubs:
        close = get_close_matches(name, sorted(stubs), 1)
        part.fault(
            "stub",
            f"the unknown stub {name!r}",
            f"one of {', '.join(sorted(stubs))}",
            f"stub: {close[0]}" if close else "",
        )
    return name if isinstance(name, str) else None


def _reason(part: Part) -> str:
    deny = part.part("deny")
    reason = deny.get("reason") if deny is not None else None
    return reason if isinstance(reason, str) else ""


def _reply(part: Part, match: Match) -> Reply | None:
    reply = part.part("reply")
    if reply is None:
        return None
    match match.protocols[0]:
        case Protocol.DNS:
            for key in reply.value:
                reply.fault(
                    key, f"{key!r} in a reply to dns", "an empty mapping: the address is childproof's", "reply: {}"
                )
            return Reply(0)
        case Protocol.SMTP:
            return _smtp_reply(reply)
        case _:
            return _http_reply(reply)


def _smtp_reply(reply: Part) -> Reply:
    for key in reply.value:
        if key not in ("status", "text"):
            reply.fault(key, f"{key!r} in a reply to smtp", "status and text")
    text = reply.get("text") or ""
    if _CONTROL.search(text) or len(text) > 400 or not text.isascii():
        reply.fault("text", "a text that SMTP can't say", "one line of ASCII, at most 400 characters")
    status = reply.get("status")
    return Reply(250 if status is None else status, (), text.encode("ascii", "replace"))


def _http_reply(reply: Part) -> Reply:
    bodies = [key for key in ("json", "text", "body_base64", "parts") if key in reply.value]
    if len(bodies) > 1:
        reply.fault(bodies[1], f"{' and '.join(map(repr, bodies))} together", "one body at most")
    headers: dict[str, str] = {}
    inner = reply.part("headers")
    for name in inner.value if inner is not None else ():
        assert inner is not None
        if name.lower() in _OURS:
            inner.fault(name, f"the header {name!r}", "other headers: childproof sets this one itself")
        headers[name.lower()] = str(inner.get(name))
    body = b""
    if "json" in reply.value:
        body = msgspec.json.encode(reply.value["json"])
        headers.setdefault("content-type", "application/json")
    elif (text := reply.get("text")) is not None:
        body = text.encode("utf-8", "replace")
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    elif (encoded := reply.get("body_base64")) is not None:
        try:
            body = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            reply.fault("body_base64", "text that is no base64", "the body's bytes in base64")
        headers.setdefault("content-type", "application/octet-stream")
    elif reply.get("parts"):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    status = reply.get("status")
    status = 200 if status is None else status
    if (body or reply.get("parts")) and status in (204, 304):
        reply.fault("status", f"a body with status {status}", f"no body: {status} has none")
    return Reply(status, tuple(headers.items()), body)


def _parts(part: Part) -> tuple[BodyPart, ...]:
    """The pieces of a reply's body, a pause as one without data."""
    reply = part.part("reply")
    found: list[BodyPart] = []
    if reply is None or reply.report.bad:
        return ()  # there will be no ruleset
    for item in reply.get("parts") or ():
        if isinstance(item, str):
            found.append(BodyPart(item.encode("utf-8", "replace")))
        elif isinstance(item, dict) and "pause" in item:
            found.append(BodyPart(b"", milliseconds(str(item["pause"])) / 1000))
        elif isinstance(item, dict) and "json" in item:
            found.append(BodyPart(msgspec.json.encode(item["json"]) + b"\n"))
    return tuple(found)


def _fault(part: Part, match: Match) -> RuleFault | None:
    fault = part.part("fault")
    if fault is None:
        return None
    if not {Protocol.HTTP, Protocol.SMTP}.issuperset(match.protocols):
        part.fault("fault", "'fault' in a rule that is not for http or smtp", "it only there")
    kind, status, rate = fault.get("kind"), fault.get("status"), fault.get("rate")
    if kind is None:
        return None
    if status is not None and kind != "status":
        fault.fault("status", f"a status for the fault {kind!r}", "a status only for the kind 'status'", "kind: status")
    default = 451 if Protocol.SMTP in match.protocols else 503
    return RuleFault(kind, default if status is None else status, 1.0 if rate is None else float(rate))


def _delay(part: Part) -> Delay | None:
    value = part.get("delay")
    if isinstance(value, str):
        return Delay(milliseconds(value), milliseconds(value))
    delay = part.part("delay")
    if delay is None:
        return None
    low, high = delay.get("min"), delay.get("max")
    if low is None or high is None:
        return None
    if milliseconds(low) > milliseconds(high):
        part.fault("delay", f"min {low} above max {high}", "min not above max", f"delay: {{min: {high}, max: {low}}}")
    return Delay(milliseconds(low), milliseconds(high))
