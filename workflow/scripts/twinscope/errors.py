"""One shape for every complaint about what a user gave us."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Bad input, named so that it can be mended without reading any code.

    Parameters
    ----------
    found : str
        What stands there, or what is wrong with it.
    expected : str
        What should stand there.
    file, row, column : optional
        Where: a file name, a row (its key, or its line number) and a column.
    """

    def __init__(self, found: str, expected: str, file=None, row=None, column=None):
        places = [
            str(file) if file is not None else None,
            f"row {row}" if row is not None else None,
            f"column {column}" if column is not None else None,
        ]
        where = ", ".join(place for place in places if place)
        self.found, self.expected = found, expected
        self.file, self.row, self.column = file, row, column
        super().__init__(f"{where + ': ' if where else ''}found {found}; expected {expected}")

    def __reduce__(self):
        """Let the error cross a process boundary with its parts."""
        return type(self), (self.found, self.expected, self.file, self.row, self.column)


def one_of(choices: Iterable, found: str = "") -> str:
    """Say which values are allowed, the one that was probably meant first."""
    choices = [str(choice) for choice in choices]
    near = get_close_matches(str(found), choices, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"one of {', '.join(sorted(choices))}{hint}"
