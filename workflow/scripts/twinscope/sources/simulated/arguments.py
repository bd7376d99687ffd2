"""What a design may be asked for, with defaults and bounds, checked at the door."""

from dataclasses import dataclass
from numbers import Real

from twinscope.errors import InputError, one_of


@dataclass(frozen=True)
class Number:
    """An argument that is a number within bounds."""

    default: float
    low: float
    high: float
    whole: bool = False

    def check(self, name: str, value):
        """Return the value as int or float, or say what is wrong with it."""
        kind = "a whole number" if self.whole else "a number"
        expected = f"{kind} from {self.low:g} to {self.high:g}"
        good = isinstance(value, Real) and not isinstance(value, bool)
        if not good or (self.whole and value % 1 != 0):
            raise InputError(f"{name} = {value!r}", expected)
        if not self.low <= value <= self.high:
            raise InputError(f"{name} = {value:g}", expected)
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class Name:
    """An argument that is one of some known names."""

    choices: tuple[str, ...]
    default: str

    def check(self, name: str, value) -> str:
        """Return the name, or say that it is unknown."""
        if value not in self.choices:
            raise InputError(f"{name} = {value!r}", one_of(self.choices, value))
        return value


@dataclass(frozen=True)
class Names:
    """An argument that is a list of known names; all of them by default."""

    choices: tuple[str, ...]
    usual: tuple[str, ...] | None = None

    @property
    def default(self) -> list[str]:
        """Give the usual names."""
        return list(self.usual or self.choices)

    def check(self, name: str, value):
        """Return the names as a list without repeats, or say which is unknown."""
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not values:
            raise InputError(f"{name} = {value!r}", f"a list of {one_of(self.choices)}")
        for item in values:
            if item not in self.choices:
                raise InputError(f"{name} = {item!r}", one_of(self.choices, item))
        return list(dict.fromkeys(values))


@dataclass(frozen=True)
class Numbers:
    """An argument that is a list of numbers within bounds."""

    default: list[float]
    low: float
    high: float

    def check(self, name: str, value):
        """Return the numbers as a list, or say which is out of bounds."""
        values = list(value) if isinstance(value, list | tuple) else [value]
        if not values:
            raise InputError(f"{name} = {value!r}", "at least one number")
        return [Number(0, self.low, self.high).check(name, item) for item in values]


def fill(specification: dict, arguments: dict) -> dict:
    """Check arguments against a specification and fill in the defaults.

    Parameters
    ----------
    specification : dict
        Argument name to `Number`, `Names`, `Numbers`, or anything with ``default`` and ``check``.
    arguments : dict
        As given.

    Returns
    -------
    dict
        Every argument of the specification, in its order.

    Raises
    ------
    InputError
        For an unknown argument or a value that is not allowed.
    """
    for name in arguments:
        if name not in specification:
            raise InputError(f"argument {name!r}", one_of(specification, name))
    return {
        name: rule.check(name, arguments[name]) if name in arguments else rule.default
        for name, rule in specification.items()
    }
