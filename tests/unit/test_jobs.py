"""What a job of several representations is given."""

import pytest

from twinscope import jobs
from twinscope.errors import InputError


def test_what_a_job_is_given_is_cut_into_equal_parts_in_order():
    assert jobs.shares(["a1", "a2", "b1", "b2"], 2) == [["a1", "a2"], ["b1", "b2"]]
    assert jobs.shares(("a", "b", "c"), 3) == [["a"], ["b"], ["c"]]
    assert jobs.shares([], 2) == [[], []]


def test_what_cannot_be_cut_evenly_is_refused():
    with pytest.raises(ValueError, match="3 items cannot be shared evenly among 2"):
        jobs.shares([1, 2, 3], 2)


def test_one_by_one_tells_how_far_it_is(caplog):
    caplog.set_level("INFO", logger="twinscope")
    assert list(jobs.one_by_one({"a": 1, "b": 2}, "evaluate kind")) == [("a", 1), ("b", 2)]
    assert "evaluate kind: 2 of 2 representations" in caplog.text


def test_an_error_says_which_of_several_it_was(caplog):
    error = InputError("no column 'n'", "one of item")
    for name, _ in jobs.one_by_one({"noise": 1, "counts": 2}, "describe plate-1"):
        if name == "counts":
            jobs._say(InputError, error, None)
    assert "error: counts: found no column 'n'; expected one of item" in caplog.text
    jobs._say(InputError, error, None)
    assert caplog.messages[-1] == "error: found no column 'n'; expected one of item"
