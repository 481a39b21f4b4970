"""What goes over the wire about rules and stubs."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .messages import Given, Told, WorldName

MOST = 4 * 1024 * 1024
Text = Annotated[
    str, Meta(max_length=MOST, description="a rule file's YAML", extra_json_schema={"format": "childproof-rules"})
]
Target = Annotated[
    str,
    Meta(
        max_length=10_000,
        description="as people write it",
        examples=["POST https://api.stripe.com/v1/charges"],
        extra_json_schema={"format": "childproof-call"},
    ),
]
Header = Annotated[list[str], Meta(min_length=2, max_length=2, description="a name and a value")]


class RuleFile(Told, frozen=True):
    """One of the texts that rules were read from, included files among them."""

    name: str
    text: str


class RulesInForce(Told, frozen=True):
    """What judges calls. `source` is where it came from: files, a text that was PUT, or for a world the common rules.

    `text` is all of it where that is one text, null where it is several.
    """

    source: Literal["files", "put", "own", "common"]
    rules: Annotated[int, Meta(description="how many there are")]
    text: str | None
    files: list[RuleFile]
    etag: str


class NewRules(Given, frozen=True):
    """Rules that take the place of all that there are."""

    text: Text


class GivenFile(Given, frozen=True):
    """A rule file of the client's, as a text with a name that faults are told with."""

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    text: Annotated[
        str,
        Meta(max_length=MOST, description="a rule file's YAML", extra_json_schema={"format": "childproof-rules-part"}),
    ]


Files = Annotated[list[GivenFile], Meta(min_length=1, max_length=100, description="several, concatenated in order")]


class ToCheck(Given, frozen=True):
    """Rules that would take the place of those in force: one text, or several."""

    text: Text | Files


class Checked(Told, frozen=True):
    """A text that would do."""

    rules: int


class WrittenCall(Given, frozen=True):
    """A call as people write it, with what it carries."""

    target: Target
    headers: list[Header] = msgspec.field(default_factory=list)
    body: Annotated[str, Meta(max_length=1_000_000)] = ""
    sender: str | None = None
    recipients: list[str] = msgspec.field(default_factory=list)


class ToExplain(Given, frozen=True):
    """A call, and whose rules are asked: a world's or, without one, the common ones; or those of one text or several."""

    call: Target | WrittenCall
    world: WorldName | None = None
    text: Text | Files | None = None


class Would(Told, frozen=True):
    """What a rule that isn't enforced would have said."""

    verdict: str
    rule: str
    reason: str


class LimitCounted(Told, frozen=True):
    """A limit that counts the call, and what it adds."""

    limit: str
    adds: str


class Differs(Told, frozen=True):
    """Why a rule doesn't match."""

    field: str
    got: str
    wanted: str


class Nearest(Told, frozen=True):
    """The rule that came nearest."""

    rule: str
    differences: list[Differs]


class Explained(Told, frozen=True):
    """What the rules make of a call, and why."""

    call: str
    verdict: str
    rule: str | None
    stub: str | None
    reason: str
    hint: str | None
    would: list[Would]
    limits: list[LimitCounted]
    nearest: Nearest | None


class Stub(Told, frozen=True):
    """A stub; one that can't be read has its `fault`, and neither hosts nor operations."""

    name: str
    origin: Literal["folder", "installed", "shipped"]
    folder: Annotated[str, Meta(description="where it is, on the server's machine")]
    summary: str = ""
    hosts: list[str] = msgspec.field(default_factory=list)
    operations: int = 0
    modelled: int = 0
    fault: str = ""


class Stubs(Told, frozen=True):
    """All of them, by name."""

    stubs: list[Stub]


class OperationRow(Told, frozen=True):
    """One operation of a service, and how much thought stands behind its replies."""

    operation: str
    group: str
    fidelity: str


class StubCoverage(Told, frozen=True):
    """How much of a service a stub models, and the kinds of entities that a world can hold of it."""

    stub: str
    counts: dict[str, int]
    operations: list[OperationRow]
    kinds: list[str]
