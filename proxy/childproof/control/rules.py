"""Rules over the API: read, check, explain, and replaced as a whole by whoever has seen what is in force."""

from dataclasses import dataclass, field

from childproof.engine.vault import Vault
from childproof.policy import Ruleset
from childproof.policy.cases import with_content
from childproof.policy.target import EXAMPLE, TargetError, parse_target

from . import messages_rules as messages
from .desk import Desk
from .etags import etag_of, fits
from .explaining import explained
from .finding import invalid
from .operation import Answer, Asked, Operation
from .problems import Mistake, Problem
from .ruletext import load_rules

_ETAG = "the ETag of what is replaced, from GET"
_CHANGED = {412: "somebody else was quicker: GET the rules again", 428: "no If-Match"}
_UNKNOWN = "no such world"
_SEEN = {"If-Match": "$response.header.ETag"}
_SENT = {"ETag": "what the next one to replace it takes as If-Match"}


@dataclass(slots=True)
class Rules:
    """The operations, over a desk. `_read` are the common rules whose texts were looked up last, with those."""

    desk: Desk
    _read: Ruleset | None = field(default=None, init=False)
    _texts: list[messages.RuleFile] = field(default_factory=list, init=False)
    _put: bool = field(default=False, init=False)

    def operations(self) -> list[Operation]:
        """Their table."""
        own = "/v1/worlds/{world}/rules"
        match = {"If-Match": _ETAG}
        return [
            Operation("GET", "/v1/rules", "getRules", "The rules of all worlds that have none of their own", self.get,
                      answer=messages.RulesInForce, tagged=True, gives=_SEEN,
                      about="The texts of all files that they were read from, and where they came from."),
            Operation(
                "PUT", "/v1/rules", "replaceRules",
                "Judge by these rules from the next call on, until a reload reads the files again", self.put,
                body=messages.NewRules, answer=messages.RulesInForce, problems=_CHANGED, needs=match, sends=_SENT,
                about="All of it or nothing. Files stay as they are. A text may include the rule files that ship, and put in the "
                "credentials that the server has read already; no others.",
            ),
            Operation("GET", own, "getWorldRules", "What a world is judged by: rules of its own, or the common ones",
                      self.get_own, answer=messages.RulesInForce, problems={404: _UNKNOWN}, tagged=True, gives=_SEEN,
                      about="`source` says which of the two."),
            Operation(
                "PUT", own, "replaceWorldRules", "Judge a world by rules of its own from the next call on", self.put_own,
                body=messages.NewRules, answer=messages.RulesInForce, problems={404: _UNKNOWN, **_CHANGED}, needs=match,
                sends=_SENT, about="Worlds that are forked from it inherit them.",
            ),
            Operation(
                "DELETE", own, "deleteWorldRules", "Judge a world by the common rules again", self.delete_own, status=204,
                problems={404: _UNKNOWN, 412: _CHANGED[412]}, headers=match, about="Without If-Match whatever they are; one without own ones stays as it is.",
            ),
            Operation("POST", "/v1/rules/check", "checkRules", "Whether texts would do as rules; all of their faults",
                      self.check, body=messages.ToCheck, answer=messages.Checked,
                      about="Nothing changes. Several texts are one ruleset, in their order. One with faults is 422, with the line and column of each."),
            Operation("POST", "/v1/rules/explain", "explainCall", "What rules make of a call, and why", self.explain,
                      body=messages.ToExplain, answer=messages.Explained, problems={404: _UNKNOWN},
                      about="By the common rules, those of `world`, or those of `text`. Nothing is called, and no limit counts it."),
        ]  # fmt: skip

    def get(self, asked: Asked) -> Answer:  # noqa: ARG002 (all operations take it)
        """GET /v1/rules."""
        return _answer(self._common())

    async def put(self, asked: Asked) -> Answer:
        """PUT /v1/rules: all of it or nothing."""
        _matches(asked, self._common().etag, needed=True)
        rules, vault = await load_rules(self.desk, asked.body.text, "/text")
        _matches(asked, self._common().etag, needed=True)  # somebody may have been quicker while it was read
        policies = self.desk.engine.policies
        common = policies.common.vault
        self.desk.engine.replace_rules(rules, Vault(vault.values, common.canaries))
        self._read, self._put = rules, True
        self._texts = [messages.RuleFile("put", asked.body.text)]
        return _answer(self._common())

    def get_own(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/rules."""
        return _answer(self._own(self.desk.known(asked.path["world"])))

    async def put_own(self, asked: Asked) -> Answer:
        """PUT /v1/worlds/{world}/rules."""
        world = self.desk.known(asked.path["world"])
        _matches(asked, self._own(world).etag, needed=True)
        rules, vault = await load_rules(self.desk, asked.body.text, "/text")
        self.desk.known(asked.path["world"])
        _matches(asked, self._own(world).etag, needed=True)
        self.desk.engine.policies.give(world, rules, vault, asked.body.text)
        return _answer(self._own(world))

    def delete_own(self, asked: Asked) -> None:
        """DELETE /v1/worlds/{world}/rules."""
        world = self.desk.known(asked.path["world"])
        _matches(asked, self._own(world).etag, needed=False)
        self.desk.engine.policies.take(world)

    async def check(self, asked: Asked) -> messages.Checked:
        """POST /v1/rules/check."""
        rules, _ = await load_rules(self.desk, asked.body.text, "/text")
        return messages.Checked(len(rules))

    async def explain(self, asked: Asked) -> messages.Explained:
        """POST /v1/rules/explain."""
        wanted = asked.body
        if wanted.world is not None and wanted.text is not None:
            mistake = Mistake("/text", "`text` beside `world`", "one of them")
            raise Problem(
                422, "invalid", "a call is explained by a world's rules, or by those of a text", mistakes=[mistake]
            )
        call = wanted.call if isinstance(wanted.call, messages.WrittenCall) else messages.WrittenCall(wanted.call)
        try:
            parsed = parse_target(call.target)
        except TargetError as error:
            pointer = "/call" if isinstance(wanted.call, str) else "/call/target"
            invalid(pointer, str(error), "a call", EXAMPLE)
        whole = with_content(
            parsed,
            headers=[(name, value) for name, value in call.headers],
            body=("", call.body.encode()),
            sender=call.sender,
            recipients=call.recipients,
        )
        if wanted.text is not None:
            rules, _ = await load_rules(self.desk, wanted.text, "/text")
        elif wanted.world is not None:
            rules = self.desk.engine.policies.of(self.desk.known(wanted.world, "/world")).rules
        else:
            rules = self.desk.engine.rules
        return explained(whole, rules.explain(whole))

    # --- within

    def _common(self) -> messages.RulesInForce:
        """The common rules with their texts, which were read when they were first asked for after a reload."""
        rules = self.desk.engine.rules
        if rules is not self._read:
            self._texts, self._put, self._read = [_text_of(file) for file in rules.named], False, rules
        return _in_force("put" if self._put else "files", rules, self._texts)

    def _own(self, world: str) -> messages.RulesInForce:
        policies = self.desk.engine.policies
        rules = policies.own(world)
        if rules is not None:
            return _in_force("own", rules, [messages.RuleFile("own", policies.text(world) or "")])
        common = self._common()
        return messages.RulesInForce("common", common.rules, common.text, common.files, _hash("common", common.etag))


def _text_of(file: object) -> messages.RuleFile:
    try:
        with open(str(file), encoding="utf-8", errors="replace") as text:  # noqa: PTH123 (a path as it was named)
            return messages.RuleFile(str(file), text.read())
    except OSError:
        return messages.RuleFile(str(file), "")  # gone since it was read


def _in_force(source: str, rules: Ruleset, files: list[messages.RuleFile]) -> messages.RulesInForce:
    texts = [part for file in files for part in (file.name, file.text)]
    text = files[0].text if len(files) == 1 else None
    return messages.RulesInForce(source, len(rules), text, files, _hash(source, *texts))  # type: ignore[arg-type]  # ours


def _hash(*texts: str) -> str:
    return etag_of("\0".join(texts).encode("utf-8", "replace"))


def _matches(asked: Asked, etag: str, *, needed: bool) -> None:
    """RFC 9110, section 13.1.1. Raises Problem where what is to be replaced isn't what the client has seen."""
    given = asked.headers.get("if-match")
    if given is None:
        if not needed:
            return
        mistake = Mistake("If-Match", "no such header", _ETAG, f"If-Match: {etag}")
        raise Problem(428, "etag_needed", "rules are replaced by those who have seen them", mistakes=[mistake])
    if not fits(given, etag):
        mistake = Mistake("If-Match", given[:100], "the ETag of what is in force now", f"If-Match: {etag}")
        raise Problem(412, "changed", "the rules were changed meanwhile; nothing was done", mistakes=[mistake])


def _answer(found: messages.RulesInForce) -> Answer:
    return Answer(found, headers=(("etag", found.etag),))
