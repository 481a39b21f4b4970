"""The server itself over the API: whether it lives, whether it serves, and what the API can do."""

from collections.abc import Callable
from typing import Any

from . import messages
from .desk import Desk
from .operation import Answer, Asked, Operation
from .problems import Problem


class System:
    """The operations. `document` gives the OpenAPI document, of all operations."""

    def __init__(self, desk: Desk, document: Callable[[], dict[str, Any]]) -> None:
        self._desk = desk
        self._document = document

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/health", "getHealth", "Whether the server does its work at all", self.health,
                answer=messages.Health, open=True, about="For watchdogs: 500 means that it has to be started anew.",
            ),
            Operation(
                "GET", "/v1/ready", "getReady", "Whether calls are judged, answered and recorded", self.ready,
                answer=messages.Ready, open=True, problems={503: "not yet, or not any more; `detail` says why"},
                about="With what became of the last reload, and when the authority expires.",
            ),
            Operation(
                "GET", "/v1/openapi.json", "getOpenapi", "This document", self.openapi, answer=messages.Json, tagged=True,
                about="OpenAPI 3.1; `childproof schema control` prints the same.",
            ),
        ]  # fmt: skip

    def health(self, asked: Asked) -> messages.Health:  # noqa: ARG002 (all operations take it)
        """GET /v1/health."""
        status, told = self._desk.alive()
        if status != 200:
            raise _unready(500, told)
        return messages.Health(told["status"])

    def ready(self, asked: Asked) -> messages.Ready:  # noqa: ARG002
        """GET /v1/ready."""
        status, told = self._desk.ready()
        if status != 200:
            raise _unready(503, told)
        return messages.Ready(told["status"], list(told.get("reasons", ())), told.get("reload", {}), told.get("ca", {}))

    def openapi(self, asked: Asked) -> Answer:  # noqa: ARG002
        """GET /v1/openapi.json."""
        return Answer(self._document())


def _unready(status: int, told: dict[str, Any]) -> Problem:
    """Why it doesn't serve."""
    return Problem(status, "unready", "; ".join(told.get("reasons", ())) or str(told.get("status", "")))
