"""Where a command finds worlds: what a server answers that isn't one of ours is said, not taken for a bug."""

import pytest

from childproof.cli.where import Where
from childproof.client import ControlError


@pytest.mark.parametrize(
    "read", [lambda told: told["at"], lambda told: told.at, lambda told: told + 1, lambda told: int(told["id"])]
)
def test_an_answer_that_a_command_cannot_read_ends_with_one_sentence(read: object) -> None:
    """JSON of another shape, wherever in a command that is noticed: exit code 7, and the address."""
    assert callable(read)
    with (
        pytest.raises(ControlError, match="unix:nowhere answers what this command can't read") as raised,
        Where(server="unix:nowhere").client(),
    ):
        read({"id": "x"})
    assert raised.value.exit_code == 7
