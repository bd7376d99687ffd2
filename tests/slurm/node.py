"""Run a daemon, and end with it, and with whoever started this, all that the daemon started."""

import ctypes
import os
import signal
import sys

import psutil

SET_DEATH_SIGNAL, SET_SUBREAPER = 1, 36


def main() -> None:
    prctl = ctypes.CDLL(None).prctl
    # Orphans of the daemon become children of this process, so that they can be found.
    prctl(SET_SUBREAPER, 1)
    prctl(SET_DEATH_SIGNAL, signal.SIGTERM)
    signal.signal(signal.SIGTERM, end)
    daemon = os.fork()
    if not daemon:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execvp(sys.argv[1], sys.argv[1:])
    while os.wait()[0] != daemon:
        pass
    end()


def end(*_) -> None:
    """End all that descends from this process, by their ids, and then itself."""
    while living := [p for p in psutil.Process().children(recursive=True) if is_alive(p)]:
        for process in living:
            process.kill()
        psutil.wait_procs(living, timeout=5)
    os._exit(0)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main()
