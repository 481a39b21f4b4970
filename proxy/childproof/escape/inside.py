"""The client's side of a session: `python -m childproof.escape.inside MANNER GIVEN`, GIVEN being JSON.

Makes every attempt of the table that has something to try in this manner, one after the other, and prints what each
saw as one JSON object. Whether anything left is the sinkhole's to say, and what was recorded the ledger's.
"""

import json
import sys

from . import attempts
from .table import ATTEMPTS, Closed, Manner
from .talk import run
from .ways import Direct, Proxied

assert attempts.__all__  # importing them fills the table


def main(manner: Manner, given: str) -> None:
    """See the module."""
    way = (Proxied if manner is Manner.PROXIED else Direct)(json.loads(given))
    chosen = {
        name: attempt.make
        for name, attempt in ATTEMPTS.items()
        if attempt.make is not None and isinstance(attempt.endings[manner], Closed)
    }
    sys.stdout.write("\n" + json.dumps(run(chosen, way)) + "\n")


if __name__ == "__main__":
    main(Manner(sys.argv[1]), sys.argv[2])
