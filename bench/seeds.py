"""World files of some 100,000 entities: `childproof world seed` in a process of its own, its time and its peak memory."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row
from childproof.world import Store

SHOP = """
world: shop
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: 10000
stripe:
  products: [{name: Pro, price: {amount: 2000, every: month}}]
  customers: {count: 10000, with: {payment_method: 0.8}}
  payments: {count: 8800, over: 90d, declined: 0.05, refunded: 0.03}
email: {mailboxes: people}
"""
NOTES = """
world: notes
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: 10000
crm:
  companies: 500
  contacts: {count: 29500, from: people}
  notes: {count: 60000, over: 90d}
"""
STUB = """
stub: crm
hosts: [api.crm.example]
openapi: openapi.yaml
resources:
  company: {schema: Company, path: /companies, id: comp}
  contact: {schema: Contact, path: /contacts, id: con, refs: {company: company}}
  note: {schema: Note, path: /notes, id: note, refs: {contact: contact}}
"""
_TEXT = "{type: string}"
OPENAPI = """
openapi: 3.0.3
info: {title: CRM, version: "1"}
paths:
""" + "".join(
    f"""  /{path}:
    post:
      responses: {{"200": {{description: ok, content: {{application/json: {{schema: {{$ref: "#/components/schemas/{name}"}}}}}}}}}}
"""
    for path, name in (("companies", "Company"), ("contacts", "Contact"), ("notes", "Note"))
)
OPENAPI += f"""components:
  schemas:
    Company: {{type: object, required: [id, name], properties: {{id: {_TEXT}, name: {_TEXT}, website: {_TEXT}, city: {_TEXT}}}}}
    Contact: {{type: object, required: [id, email], properties: {{id: {_TEXT}, name: {_TEXT}, email: {_TEXT}, phone: {_TEXT},
      company: {_TEXT}, created_at: {{type: integer}}}}}}
    Note: {{type: object, required: [id], properties: {{id: {_TEXT}, contact: {_TEXT}, title: {_TEXT}, text: {_TEXT},
      created_at: {{type: integer}}}}}}
"""


def rows() -> Iterator[Row]:
    """History played by a stub's operations, and entities that a document alone describes."""
    with tempfile.TemporaryDirectory() as folder:
        stub = Path(folder, "crm")
        stub.mkdir()
        (stub / "stub.yaml").write_text(STUB)
        (stub / "openapi.yaml").write_text(OPENAPI)
        for name, text, what in (
            ("shop", SHOP, "world seed: 10,000 customers, 8,800 payments over 90 days"),
            ("notes", NOTES, "world seed: a CRM without Python"),
        ):
            Path(folder, f"{name}.yaml").write_text(text)
            seconds, busy, peak = _seeded(folder, name)
            with Store.open(Path(folder, "childproof.db"), wall=lambda: 0) as store, store.world(name).view() as view:
                count = sum(view.count(*kind) for kind in view.kinds())
            yield Row(f"{what}: {count:,} entities", f"{seconds:.1f} s", "< 30 s")
            yield Row("  processor time", f"{busy:.1f} s")
            yield Row("  peak memory", f"{peak:.0f} MB", "< 300 MB")


def _seeded(folder: str, name: str) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and megabytes that a world took."""
    command = [sys.executable, "-m", "childproof", "world", "seed", f"{name}.yaml", "--stubs", "crm"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
