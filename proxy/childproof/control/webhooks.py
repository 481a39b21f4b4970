"""A world's webhooks over the API: what was sent to listeners, what waits, and sending it again."""

import msgspec

from childproof.engine.deliveries import send_again
from childproof.engine.recording import Recording
from childproof.world import deliveries

from . import messages_record as messages
from .desk import Desk
from .operation import Asked, Operation
from .problems import not_found
from .webhooktold import listed, told

_BASE = "/v1/worlds/{world}/webhooks"


class Webhooks(msgspec.Struct, frozen=True):
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", _BASE, "listWebhooks", "A world's webhooks, in the order in which they were queued", self.list,
                query=messages.WebhooksQuery, answer=messages.Webhooks, problems={404: "no such world"},
                gives={"webhook": "$response.body#/webhooks/0/id"},
                about="State, attempts, what became of the last one, and when the next one is due.",
            ),
            Operation(
                "POST", f"{_BASE}/{{webhook}}/redeliver", "redeliverWebhook", "Have a webhook sent again, whatever became of it",
                self.redeliver, answer=messages.Webhook, problems={404: "no such world or webhook"},
                about="At once where the world has a listener or a sandbox here; else it waits until it has.",
            ),
        ]  # fmt: skip

    def list(self, asked: Asked) -> messages.Webhooks:
        """GET …/webhooks."""
        world = self.desk.known(asked.path["world"])
        with self.desk.store.known(world).view() as view:
            return messages.Webhooks(listed(view, world, asked.query.state))

    def redeliver(self, asked: Asked) -> messages.Webhook:
        """POST …/webhooks/{webhook}/redeliver."""
        name, wanted = self.desk.known(asked.path["world"]), asked.path["webhook"]
        world = self.desk.store.known(name)
        try:
            send_again(Recording(self.desk.ledger, self.desk.wall), world, wanted)
        except LookupError:
            raise not_found("webhook", wanted, "GET the world's webhooks lists them") from None
        self.desk.stirred(name)
        with world.view() as view:
            found = deliveries.find(view, wanted)
        assert found is not None  # nothing else runs between the two
        return told(name, found)
