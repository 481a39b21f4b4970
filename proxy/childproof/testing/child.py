"""`python -m childproof.testing.child serve …`: the command line, for as long as somebody holds the other end of its input.

Whatever happens to a test process, its end of the pipe is closed: a signal at the parent's death (PR_SET_PDEATHSIG) would
come already when the thread ends that started us, and there is none outside Linux.
"""

import os
import runpy
import signal
import threading


def _until_left_alone() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(5)
    os._exit(1)


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the test runner's; its end is ours
    threading.Thread(target=_until_left_alone, daemon=True).start()
    runpy.run_module("childproof", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
