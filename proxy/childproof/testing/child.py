"""`python -m childproof.testing.child FOLDER serve …`: the command line, for as long as somebody holds the other end of its input.

Whatever happens to a test process, its end of the pipe is closed: a signal at the parent's death (PR_SET_PDEATHSIG) would
come already when the thread ends that started us, and there is none outside Linux. FOLDER goes with us, as nobody else may be left.
"""

import os
import runpy
import shutil
import signal
import sys
import threading


def _until_left_alone() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(5)
    os._exit(1)


def main() -> None:
    """Run the command line."""
    folder = sys.argv.pop(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the test runner's; its end is ours
    threading.Thread(target=_until_left_alone, daemon=True).start()
    try:
        runpy.run_module("childproof", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not end.code:  # else somebody wants to read what was said
            shutil.rmtree(folder, ignore_errors=True)
        raise


if __name__ == "__main__":
    main()
