"""What every job does first and says while it runs: log, threads, errors, progress."""

import atexit
import importlib.metadata
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from twinscope.errors import InputError

log = logging.getLogger("twinscope")
clock = logging.getLogger("twinscope-clock")
# What a job of several is working on, for its errors.
_now: list[str] = []


def start(job) -> None:
    """Send a job's words to its log and to the terminal, and make its errors readable.

    Parameters
    ----------
    job : snakemake
        The object that Snakemake gives to a script.
    """
    log.setLevel(logging.INFO)
    log.handlers = [logging.StreamHandler(sys.stderr)]
    if job.log:
        log.handlers.append(logging.FileHandler(job.log[0], mode="w"))
    stamp = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    for handler in log.handlers:
        handler.setFormatter(stamp)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers = log.handlers[1:]
    sys.excepthook = _say
    _keep_time(log.handlers[1:])


def shares(items: Sequence, number: int) -> list[Sequence]:
    """Cut what a job is given into equal parts, one for each thing that it makes.

    Raises
    ------
    ValueError
        If the items cannot be shared evenly.
    """
    items = list(items)
    size, left = divmod(len(items), number)
    if left:
        raise ValueError(f"{len(items)} items cannot be shared evenly among {number}")
    return [items[k * size : (k + 1) * size] for k in range(number)]


def one_by_one(made: Mapping, what: str) -> Iterator[tuple[str, object]]:
    """Pass on what a job makes, and say how far it is and, in an error, at which of it.

    Parameters
    ----------
    made : mapping
        What is asked of each representation, by its name.
    what : str
        The job, for the message.

    Yields
    ------
    (str, object)
        Each name with what is asked of it.
    """
    told = counter(what, "representations")
    for number, (name, asked) in enumerate(made.items(), 1):
        _now[:] = [name]
        yield name, asked
        _now.clear()
        told(number, len(made))


def progress(
    items: Iterable,
    total: int | None,
    what: str,
    size: Callable = lambda item: 1,
    free: Callable = lambda item: 0,
    every: float = 5.0,
) -> Iterator:
    """Pass items through and say from time to time how many are done and how long is left.

    Parameters
    ----------
    items : iterable
        What is worked on.
    total : int or None
        How many there will be; None if nobody knows.
    what : str
        The job, for the message.
    size : callable
        How many images one item stands for.
    free : callable
        How many of these took no work, and so tell nothing of the time that is left.
    every : float
        Seconds between two messages.
    """
    began = said = time.monotonic()
    done = worked = 0
    for item in items:
        yield item
        done += size(item)
        worked += size(item) - free(item)
        now = time.monotonic()
        if not worked:
            began = now
        if now - said >= every or done == total:
            log.info("%s: %s", what, _how_far(done, total, worked / max(now - began, 1e-9)))
            said = now


def counter(what: str, noun: str, every: float = 5.0) -> Callable[[int, int], None]:
    """Make a function that is told how many are done, and says so from time to time.

    Parameters
    ----------
    what : str
        The job, for the message.
    noun : str
        What is counted, in the plural.
    every : float
        Seconds between two messages.

    Returns
    -------
    callable (done, total)
    """
    began = said = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= every or done == total:
            log.info("%s: %s", what, _how_far(done, total, done / max(now - began, 1e-9), noun))
            said = now

    return told


def _how_far(done: int, total: int | None, rate: float, noun: str = "images") -> str:
    if total is None:
        return f"{done} {noun}, {rate:.1f} a second"
    if not rate:
        return f"{done} of {total} {noun}"
    left = _duration((total - done) / rate)
    return f"{done} of {total} {noun}, {rate:.1f} a second, {left} left"


def versions(*packages: str) -> dict[str, str]:
    """Versions of the packages that made a result."""
    return {package: importlib.metadata.version(package) for package in packages}


def _keep_time(handlers: list[logging.Handler]) -> None:
    """Note in the job's log how long it took, and how much of that went to imports."""
    clock.setLevel(logging.INFO)
    clock.handlers, clock.propagate = handlers, False
    imports = time.process_time()
    began = time.monotonic()
    clock.info("imports took %.2f s", imports)
    atexit.register(lambda: clock.info("work took %.2f s", time.monotonic() - began))


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _say(kind, error, trace) -> None:
    """One clear line for bad input; the whole story, in the log, for anything else."""
    where = "".join(f"{name}: " for name in _now)
    if issubclass(kind, InputError):
        log.error("error: %s%s", where, error)
    else:
        log.error("error: %s%s: %s", where, kind.__name__, error, exc_info=(kind, error, trace))
