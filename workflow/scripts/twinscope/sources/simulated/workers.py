"""Work done ahead by processes, handed out in order."""

import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import ModuleType

# Forked from a process with one thread a worker starts at once. Elsewhere a fork is not safe.
METHOD = "fork" if sys.platform == "linux" else "spawn"
AHEAD = 2


def in_order(task: Callable, parts: Iterable, workers: int) -> Iterator:
    """Do a task for every part, in the order of the parts.

    Parameters
    ----------
    task : callable
        Takes a part. With more than one worker both must be picklable.
    parts : iterable
    workers : int
        Processes; 1 works in this one, a part when it is asked for. At most two results a worker
        are held.

    Yields
    ------
    What the task returns.
    """
    if workers == 1:
        yield from map(task, parts)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context(METHOD))
    waiting = deque()
    try:
        for part in parts:
            if len(waiting) == AHEAD * workers:
                yield waiting.popleft().result()
            with _without_main():
                waiting.append(pool.submit(task, part))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_main():
    """Hide the main module from a process that is spawned, which would run a script once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
