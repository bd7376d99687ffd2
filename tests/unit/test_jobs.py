"""What a job of several representations is given."""

import pytest

from twinscope import jobs


def test_what_a_job_is_given_is_cut_into_equal_parts_in_order():
    assert jobs.shares(["a1", "a2", "b1", "b2"], 2) == [["a1", "a2"], ["b1", "b2"]]
    assert jobs.shares(("a", "b", "c"), 3) == [["a"], ["b"], ["c"]]
    assert jobs.shares([], 2) == [[], []]


def test_what_cannot_be_cut_evenly_is_refused():
    with pytest.raises(ValueError, match="3 items cannot be shared evenly among 2"):
        jobs.shares([1, 2, 3], 2)
