"""What a check of the redirection comes to, by what it could look at and what it met."""

import errno
from typing import Self

import pytest

from childproof.sandbox.fence import initiating, proving
from childproof.sandbox.fence.redirection import Redirection


@pytest.mark.parametrize(
    ("trouble", "faults"),
    [
        (errno.ENETUNREACH, ["no attempt met a rule, since there is no route: the check takes NET_ADMIN here"]),
        (errno.ECONNREFUSED, []),
    ],
)
def test_without_privilege_a_namespace_that_leads_nowhere_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, trouble: int, faults: list[str]
) -> None:
    """A refusal is somebody's; where there is no route, the rules may be missing as well."""

    def unseen(_: object) -> None:
        raise PermissionError(errno.EPERM, "not permitted")

    class Nowhere:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def settimeout(self, _: float) -> None: ...

        def connect(self, _: object) -> None:
            raise OSError(trouble, "no")

    monkeypatch.setattr(initiating, "_for_this_kernel", unseen)
    monkeypatch.setattr(proving.socket, "socket", Nowhere)
    monkeypatch.setattr(proving, "may_leave", lambda _: False)
    outcome = initiating.check(Redirection())
    assert not outcome.compared
    assert len(outcome.attempts) == 4
    assert list(outcome.faults) == faults
