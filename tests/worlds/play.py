"""Plays a pickled session in a process of its own and prints what was seen of it, and its record."""

import json
import pickle
import sys
from pathlib import Path

from tests.worlds import session

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with session.opened(folder, str(folder / "childproof.db")) as parts:
        told = session.play(parts, pickle.loads((folder / "steps").read_bytes()))
        json.dump([told, session.ledger(parts)], sys.stdout)
