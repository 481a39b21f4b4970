"""Texts in languages of their own, for schemathesis: valid ones of each format that the document names.

And the stream of events, which goes on until somebody ends it: here it always ends when it has told what is there.
"""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

TIMES = (
    st.datetimes().map(lambda time: f"{time.replace(microsecond=0).isoformat()}Z").filter(lambda text: text[0] != "0")
)
NUMBERS = st.integers(0, 10**9).map(str)
RULE = "  - {{name: r{}, match: {{host: h{}.example}}, deny: {{reason: no}}}}\n"
RULES = st.integers(0, 9).map(
    lambda count: "version: 1\nrules:\n" + "".join(RULE.format(one, one) for one in range(count))
)
STARTS = st.none() | st.sampled_from(("2026-01-05T09:00:00Z", "2026-06-01"))
EXPORTED = Path("exported.yaml")  # of the server's folder: what it has exported itself

FORMATS: dict[str, st.SearchStrategy[str]] = {
    "childproof-place": NUMBERS | TIMES | st.from_regex(r"(call_)?[0-9a-f]{1,16}", fullmatch=True),
    "childproof-clock": st.builds(
        lambda run, start: run if start is None else f"{run}@{start}",
        st.sampled_from(("real", "frozen", "step")) | st.integers(0, 9999).map(lambda number: f"step:{number}ms"), STARTS,
    ),
    "childproof-duration": st.builds("{}{}".format, st.integers(0, 10**4), st.sampled_from(("ms", "s", "m", "h", "d"))),
    "childproof-call": st.builds(
        "{} https://{}.example/{}".format, st.sampled_from(("GET", "POST", "DELETE")), st.from_regex("[a-z]{1,9}", fullmatch=True),
        st.from_regex("[a-z0-9/]{0,20}", fullmatch=True),
    ) | st.sampled_from(("DNS example.com", "SMTP example.com")),
    "childproof-rules": RULES.map(lambda text: text if text.count("\n") > 2 else "version: 1\nrules: []\n"),
    "childproof-rules-part": st.just("version: 1\nrules: []\n"),
    "childproof-world": st.integers(0, 3).map("world: shop\npeople: {{count: {}}}\n".format),
    "childproof-export": st.sampled_from((EXPORTED.read_text() if EXPORTED.exists() else "",)),
    "childproof-stub": st.sampled_from(("email", "stripe", "slack")),
}  # fmt: skip
for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Of those that are drawn at random, let every other one be of what is there."""
    there = {"world": "exported", "call": "1", "service": "email", "kind": "mailbox", "stub": "email"}
    return {
        name: there[name] if name in there and isinstance(value, str) and len(value) % 2 else value
        for name, value in (path_parameters or {}).items()
    }


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Bound the stream, but where the parameter itself is what is wrong."""
    if case.operation.definition.raw.get("operationId") in ("followWorld", "followAll") and case.method == "GET":
        query = dict(case.query or {})
        if query.get("follow") in (None, True, "true"):
            case.query = {**query, "follow": "false"}
