"""The number of connections follows what the system lets the process open."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from childproof.run.server.descriptors import room_for
print(room_for(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "room", "after"),
    [(256, 4096, 1000, 1000, 4096), (256, 256, 1000, 78, 256), (1000, 1000, 50, 50, 1000), (120, 120, 1000, 10, 120)],
)
def test_the_soft_limit_is_raised_and_what_does_not_fit_is_refused(
    soft: int, hard: int, wanted: int, room: int, after: int
) -> None:
    """Connections beyond the descriptors would wait unheard; so the cap comes down."""
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(room), str(after)]
