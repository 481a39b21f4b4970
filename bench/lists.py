"""Lists of 100,000: what a page of 100 costs a stub, in every way of asking for it, by cursor and by page number."""

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from bench.row import Row, median_us
from childproof.model import Call, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.world import ClockSettings, Store

START = 1_767_603_600_000
COUNT = 100_000
DOCUMENT = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders:
    get:
      parameters:
        - {name: STYLE, in: query, schema: {type: TYPE}}
        - {name: limit, in: query, schema: {type: integer, maximum: 100, default: 100}}
        - {name: status, in: query, schema: {type: string}}
        - {name: min_amount, in: query, schema: {type: integer}}
        - {name: sort, in: query, schema: {type: string}}
      responses:
        "200":
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Order"}}}}
components:
  schemas:
    Order:
      type: object
      properties:
        {id: {type: string}, status: {type: string}, amount: {type: integer}, note: {type: string}, created: {type: integer}}
"""
ASKED = {
    "newest first": "",
    "filtered": "&status=open",
    "within a range": "&min_amount=990000",
    "sorted": "&sort=-amount",
    "filtered and sorted": "&status=open&sort=amount",
    "filtered, within a range and sorted": "&status=open&min_amount=500000&sort=-created",
}


def rows() -> Iterator[Row]:
    """The median of a page deep in the list, after other pages of it; and of the first list ever, which reads it once."""
    for style, kind, dialect, deep in (
        ("after", "string", "{style: cursor, cursor: after, items: null}", "after=o{0}"),
        ("page", "integer", "{style: page, cursor: page, items: null}", "page=100"),
    ):
        with tempfile.TemporaryDirectory() as folder, Store.open(":memory:", wall=lambda: START) as store:
            home = Path(folder) / "shop"
            home.mkdir()
            (home / "openapi.yaml").write_text(DOCUMENT.replace("STYLE", style).replace("TYPE", kind))
            (home / "stub.yaml").write_text(
                f"stub: shop\nhosts: [shop.example]\nopenapi: openapi.yaml\nauth: none\ndialect: {{lists: {dialect}}}\n"
                "resources: {order: {schema: Order, path: /orders}}\n"
            )
            stub = load_stub(home)
            world = store.create("bench", clock=ClockSettings(start=START, run="step"))
            dice = random.Random(1)
            with world.transaction() as tx:
                for number in range(COUNT):
                    tx.put("shop", "order", f"o{number}", {
                        "id": f"o{number}", "status": dice.choice(["open", "paid", "void"]), "note": "x" * 100,
                        "amount": dice.randrange(1_000_000), "created": START // 1000 + number,
                    })  # fmt: skip

            def page(query: str) -> None:
                call = Call(
                    Protocol.HTTP, "shop.example", 443, method="GET", scheme="https", path="/orders", query=query
                )
                with world.transaction() as tx:  # noqa: B023 - called within the round
                    reply = stub.answer(call, tx).reply  # noqa: B023
                if reply.status != 200:
                    sys.exit(f"bench: {query} answered {reply.status}")

            started = perf_counter()
            for _ in range(2):  # the second makes what later ones use
                page(f"limit=100&{deep.format(COUNT // 2)}{ASKED['filtered and sorted']}")
            first = (perf_counter() - started) * 1000
            for name, more in ASKED.items():
                query = f"limit=100&{deep.format(COUNT // 2)}{more}"
                page(query), page(query)
                figure = median_us(lambda: page(query), number=20)  # noqa: B023
                what = "by id" if style == "after" else "by number"
                yield Row(f"a page of 100 from 100,000, {what}, {name}", f"{figure / 1000:.2f} ms", "< 5 ms")
            yield Row(f"the first two lists of 100,000 by {style}, filtered and sorted", f"{first:.0f} ms")
