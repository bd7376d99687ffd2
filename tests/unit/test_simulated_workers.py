"""Pictures made by several processes: same order, same bytes, few ahead, no script run twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_simulated import _digest

from twinscope.errors import InputError
from twinscope.sources import simulated
from twinscope.sources.simulated.workers import AHEAD, in_order

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"


@pytest.mark.parametrize("design", simulated.DESIGNS)
def test_bytes_and_order_do_not_depend_on_workers(design):
    alone = _digest(design, "p", 3, number=9, scale=1)
    assert _digest(design, "p", 3, number=9, workers=2) == alone


def test_a_unit_is_whole_whoever_makes_it():
    arguments = {"preset": "tiny", "sites": 2}
    items = [
        [
            picture.row["item"]
            for picture in simulated.simulate("cells", "p", 1, workers, **arguments)
        ]
        for workers in (1, 3)
    ]
    assert items[0] == items[1]
    assert len(set(items[0])) == simulated.number("cells", arguments) == 32


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "two"])
def test_workers_are_checked_at_once(workers):
    with pytest.raises(InputError, match="workers"):
        simulated.simulate("cells", "p", 1, workers=workers)


def test_arguments_are_checked_before_any_process_starts():
    with pytest.raises(InputError, match="density"):
        simulated.simulate("cells", "p", 1, workers=2, density=-5)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_few_parts_are_taken_ahead(workers):
    taken = []

    def parts():
        for number in range(40):
            taken.append(number)
            yield -number

    for done, result in enumerate(in_order(abs, parts(), workers), start=1):
        assert result == done - 1
        assert len(taken) <= done + (AHEAD * workers if workers > 1 else 0)
    assert len(taken) == 40


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_part_comes_when_the_part_does(workers):
    results = in_order(int, ["1", "2", "three", "4"], workers)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_one_may_stop_early():
    results = in_order(abs, range(1000), 2)
    assert next(results) == 0
    results.close()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_script_without_a_guard_runs_once(tmp_path, method):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from twinscope.sources.simulated import workers\n"
        f"print('started'); workers.METHOD = {method!r}\n"
        "print(list(workers.in_order(abs, range(-3, 2), 2)))\n"
    )
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    run = [sys.executable, str(script)]
    said = subprocess.run(run, env=env, capture_output=True, text=True, timeout=120, check=True)
    assert said.stdout.splitlines() == ["started", "[3, 2, 1, 0, 1]"]
