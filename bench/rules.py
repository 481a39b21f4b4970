"""A file of 10,000 rules: loading it, and deciding a call with it."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row, median_us
from childproof.model import Call, Protocol
from childproof.policy import load_ruleset

COUNT = 10_000


def rows() -> Iterator[Row]:
    """Load time, and the time of a hit in the middle, of a wildcard hit and of a miss."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text("version: 1\nrules:\n" + "".join(map(_rule, range(COUNT))))
        started = time.perf_counter()
        rules = load_ruleset([file], stubs=None, include_roots=())
        yield Row(f"load a file of {COUNT:,} rules", f"{time.perf_counter() - started:.2f} s", "< 2 s")
    for what, host in (("hit", "api.s5000.example"), ("wildcard", "a.b.s5001.example"), ("miss", "nowhere.example")):
        call = Call(Protocol.HTTP, host, 443, method="POST", scheme="https", path="/v1/things/7")
        figure = median_us(lambda call=call: rules.judge(call))
        yield Row(f"a decision with {COUNT:,} rules: {what}", f"{figure:.1f} µs", "< 50 µs")


def _rule(number: int) -> str:
    host = f"api.s{number}.example" if number % 2 == 0 else f'"*.s{number}.example"'
    return f"  - {{name: r{number}, match: {{host: {host}, method: POST, path: /v1/**}}, deny: {{}}}}\n"
