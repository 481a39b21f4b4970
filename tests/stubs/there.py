"""What the path parameters of a shipped stub may name that has things below it and no id: it is there in a fresh world."""

from collections.abc import Mapping

from childproof.model import Call, Protocol
from childproof.stubkit.context.context import Context
from childproof.stubkit.document.openapi import Operation
from childproof.stubkit.seeding.seeding import plant
from childproof.stubkit.stub import Stub
from childproof.world.transaction import Transaction

THERE: Mapping[str, Mapping[str, str]] = {
    "github": {"owner": "octo-org", "repo": "hello-world", "org": "octo-org", "template_owner": "octo-org",
               "template_repo": "hello-world"},
    "mailgun": dict.fromkeys(("domain_name", "domain", "name"), "childproof.example"),
}  # fmt: skip


def there(stub: Stub, operation: Operation) -> Mapping[str, str]:
    """What is there for the parameters of an operation; nothing for one that would take it away."""
    taken = operation.method in {"PATCH", "DELETE"} and operation.path in stub.service.behaviours.finders
    return {} if taken else THERE.get(stub.name, {})


def home(stub: Stub, operation: Operation, tx: Transaction) -> Context:
    """A context in which things are made where an operation looks for them."""
    service = stub.service
    call = Call(Protocol.HTTP, service.host, 443, method="GET", headers=tuple(service.auth.example().items()))
    plant(service, tx)
    ctx = Context(service, tx, call, path=dict(THERE.get(stub.name, {})), quiet=True)
    plan = service.plan(operation.method, operation.path)
    if plan is not None and plan.home is not None and not plan.home.item and set(plan.home.names) <= ctx.path.keys():
        ctx._home = plan.home.find(ctx).id
    return ctx
