"""What one check found, and the table of all of them."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

from twinscope.errors import InputError

OK, WARN, FAIL = "ok", "warn", "fail"
COLOURS = {OK: 32, WARN: 33, FAIL: 31}

# The order of lines of one status.
CHECKS = ("machine", "disk", "packages", "hub", "network", "weights", "images", "segmenter")
UNKNOWN = "if nothing explains it, report this line where the code is kept"


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes
    ----------
    check : str
        What was looked at, one of `CHECKS`.
    what : str
        Which of them.
    status : {"ok", "warn", "fail"}
        fail: the study would stop there.
    found : str
        What is the case.
    todo : str
        What would help; nothing where all is well.
    """

    check: str
    what: str
    status: str
    found: str
    todo: str = ""


def refused(check: str, what: str, error: InputError) -> Finding:
    """Tell an error that the code of the study itself has found as a line of the table."""
    column = f"{error.column}: " if error.column else ""
    place = ", ".join(str(part) for part in (error.file, error.column) if part)
    todo = f"{place}: expected {error.expected}" if place else f"expected {error.expected}"
    return Finding(check, what, FAIL, f"{column}{error.found}", todo)


def crashed(check: str, what: str, error: Exception, status: str = FAIL) -> Finding:
    """Tell an error that nobody has put in words."""
    why = (str(error).strip() or "no message").splitlines()[0]
    return Finding(check, what, status, f"{type(error).__name__}: {why}", UNKNOWN)


def guarded(
    check: str, what: str, findings: Iterable[Finding], status: str = FAIL
) -> Iterator[Finding]:
    """Pass lines through, and tell an error on the way as one more; `status` is that of any."""
    try:
        yield from findings
    except InputError as error:
        yield refused(check, what, error)
    except Exception as error:
        yield crashed(check, what, error, status)


def without(secret: str | None, findings: Iterable[Finding]) -> list[Finding]:
    """Strike a secret, which libraries may put in a message, from all lines."""
    if not secret:
        return list(findings)
    return [
        Finding(**{key: text.replace(secret, "***") for key, text in asdict(finding).items()})
        for finding in findings
    ]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort lines so that the worst stand last, which is where a terminal stops."""
    rank = {name: number for number, name in enumerate((*COLOURS, *CHECKS))}
    return sorted(findings, key=lambda finding: (rank[finding.status], rank[finding.check]))


def failed(findings: Iterable[Finding]) -> bool:
    """Whether the study would stop somewhere."""
    return any(finding.status == FAIL for finding in findings)


def table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Make a table of the lines, for a file."""
    rows = [asdict(finding) for finding in findings]
    return pd.DataFrame(rows, columns=list(Finding.__dataclass_fields__))


def text(findings: Sequence[Finding], width: int | None = None, colour: bool = False) -> str:
    """Write the lines for a terminal, with their sum at the end.

    Parameters
    ----------
    findings : sequence of Finding
        In the order in which they are to stand.
    width : int, optional
        Columns of the terminal; by default no line is broken.
    colour : bool
        Whether the status is coloured.
    """
    names = [max((len(getattr(f, c)) for f in findings), default=0) for c in ("check", "what")]
    lines = []
    for finding, after in zip(findings, [*findings[1:], None], strict=True):
        # What helps several lines is said once, below the last.
        if after and after.todo == finding.todo:
            finding = replace(finding, todo="")
        lines += _lines(finding, names, width, colour)
    count = {status: sum(f.status == status for f in findings) for status in COLOURS}
    total = f"{count[OK]} ok, {count[WARN]} to look at, {count[FAIL]} that would stop the study"
    return "\n".join([*lines, "", total])


def amount(number: float) -> str:
    """Bytes in words: 3.1 GB."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 999.5 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.{0 if units[0] == 'bytes' or number >= 99.95 else 1}f} {units[0]}"


def _lines(finding: Finding, names: list[int], width: int | None, colour: bool) -> list[str]:
    status = f"{finding.status:<4}"
    if colour:
        status = f"\033[{COLOURS[finding.status]}m{status}\033[0m"
    head = f"{finding.check:<{names[0]}}  {finding.what:<{names[1]}}  "
    margin = " " * (len(head) + 6)
    room = max(width - len(margin), 30) if width else None
    broken = _broken(finding.found, room)
    if finding.todo:
        first, *rest = _broken(finding.todo, room and room - 3)
        broken += [f"-> {first}", *(f"   {line}" for line in rest)]
    first, *rest = broken
    return [f"{status}  {head}{first}", *(margin + line for line in rest)]


def _broken(words: str, room: int | None) -> list[str]:
    words = " ".join(words.split())
    return (textwrap.wrap(words, room, break_on_hyphens=False) if room else [words]) or [""]
