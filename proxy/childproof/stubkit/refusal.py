"""What a stub says no with. Worded by behaviour code, or by kind, in the words that `stub.yaml` has for that kind."""

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """An error of the service, rendered by the stub's error dialect.

    `status`, `code`, `message`, `param` and `type` are what most services have; whatever else the error body carries
    (`decline_code=…`, `payment_intent=…`) goes in as keywords. All changes of the world that the operation made
    before it are undone, unless `keep_changes` is true: a declined card leaves a failed charge behind. `headers` are
    further headers of the reply: where something has moved to, say.

    `code` may also be the name of a kind from `dialect.errors.kinds`; then its wording fills in what is left out:
    `Refusal.of("not_found", resource="customer", value="cus_1")`.
    """

    def __init__(
        self,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
        *,
        param: str | None = None,
        type: str | None = None,  # noqa: A002 - the vendors' own word
        keep_changes: bool = False,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message or code or "refused")
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.type = type
        self.keep_changes = keep_changes
        self.headers: Mapping[str, str] = headers or {}
        self.extra = extra
        self.kind = ""

    @classmethod
    def of(cls, kind: str, /, **variables: Any) -> "Refusal":
        """A refusal of a known kind (`not_found`, `missing`, `invalid_enum` …), worded by the stub's templates."""
        refusal = cls(**variables)
        refusal.kind = kind
        return refusal
