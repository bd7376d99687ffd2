"""What would stop a study is found before it starts, and said with what would help."""

import importlib.metadata

import numpy as np
import pytest
import tifffile

from twinscope import doctor
from twinscope.doctor import disk, environments, findings, images, machine, segmenters
from twinscope.doctor.findings import Finding
from twinscope.errors import InputError

GB = 10**9
CELLS = {
    **{"modality": "cells", "source": "folder", "location": "table.csv", "channels": ["a", "b"]},
    **{"segmentation": "classical", "image": ["path"]},
}
ROW = {
    **{"model": "net", "loader": "timm", "architecture": "test_vit", "weights": "none"},
    **{"policy": "per-channel", "intensity": "dtype", "modality": ["any"], "of": "net"},
}


def only(lines) -> Finding:
    (line,) = lines
    return line


def by_what(lines) -> dict[str, Finding]:
    return {line.what: line for line in lines}


# The table


def test_the_worst_stand_last_and_checks_keep_their_order():
    lines = [
        Finding("weights", "a", "fail", "no", "do"),
        Finding("images", "b", "ok", "yes"),
        Finding("machine", "c", "ok", "yes"),
        Finding("disk", "d", "warn", "little", "more"),
    ]
    assert "".join(line.what for line in findings.in_order(lines)) == "cbda"
    assert findings.failed(lines) and not findings.failed(lines[1:])


def test_plain_table_has_a_line_a_finding_and_what_helps_below():
    lines = [
        Finding("disk", "the study", "ok", "1 GB"),
        Finding("hub", "token", "fail", "none\n at all", "log in"),
    ]
    assert findings.text(lines) == (
        "ok    disk  the study  1 GB\n"
        "fail  hub   token      none at all\n"
        "                       -> log in\n"
        "\n"
        "1 ok, 0 to look at, 1 that would stop the study"
    )


def test_what_helps_several_lines_is_said_once():
    lines = [Finding("weights", name, "fail", name, "fetch them") for name in "ab"]
    said = findings.text([*lines, Finding("weights", "c", "fail", "c", "log in")])
    assert said.count("fetch them") == 1
    assert said.index("weights  b") < said.index("fetch them") < said.index("weights  c")


def test_lines_are_broken_to_the_terminal_and_coloured_only_if_asked():
    lines = [Finding("disk", "the study", "fail", "word " * 40, "do " * 40)]
    said = findings.text(lines, width=60)
    assert max(map(len, said.splitlines())) <= 60 and "\033" not in said
    assert said.split() == findings.text(lines).split()
    assert "\033[31mfail\033[0m" in findings.text(lines, colour=True)


def test_the_table_for_a_file_has_all_parts():
    table = doctor.table([Finding("disk", "the study", "ok", "1 GB")])
    assert table.to_dict("records") == [
        {"check": "disk", "what": "the study", "status": "ok", "found": "1 GB", "todo": ""}
    ]
    assert list(doctor.table([])) == ["check", "what", "status", "found", "todo"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *[(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (99_940, "99.9 kB")],
        *[(346e6, "346 MB"), (999.6e6, "1.0 GB"), (3.14e9, "3.1 GB"), (5e15, "5000 TB")],
    ],
)
def test_bytes_in_words(number, words):
    assert findings.amount(number) == words


def test_errors_become_lines_and_hide_none_before_them():
    def lines(error):
        yield Finding("disk", "a", "ok", "fine")
        raise error

    first, bad = findings.guarded("disk", "b", lines(InputError("x", "y", "t.tsv", "r", "c")))
    assert first.status == "ok"
    assert bad == Finding("disk", "b", "fail", "c: x", "t.tsv, c: expected y")
    _, odd = findings.guarded("disk", "b", lines(RuntimeError("one\ntwo")), "warn")
    assert (odd.status, odd.found) == ("warn", "RuntimeError: one")


def test_a_secret_is_struck_from_every_part():
    line = only(findings.without("hf_x", [Finding("hub", "hf_x", "fail", "a hf_x", "hf_x b")]))
    assert line == Finding("hub", "***", "fail", "a ***", "*** b")
    assert findings.without(None, [line]) == [line]


# The machine


def computer(**changes):
    usual = {"python": "3.11.7", "torch": "2.9", "build": "CPU", "processors": 4}
    return machine.Machine(**{**usual, "memory": 32 * GB, "free": 30 * GB, **changes})


def test_this_machine_can_be_looked_at():
    found = machine.look()
    assert found.processors >= 1 and found.memory > 10**8
    assert 0 <= found.free <= found.memory
    assert {line.check for line in machine.check(found, {})} == {"machine"}


@pytest.mark.parametrize(
    ("what", "changes", "networks", "status", "words"),
    [
        ("Python, torch", {}, {}, "ok", "torch 2.9"),
        ("Python, torch", {"torch": ""}, {}, "fail", "not installed"),
        ("RAM", {}, {"s": 10**9}, "ok", "30.0 GB free"),
        # 4 bytes a number, once in the file and once in the network, and what is beside them.
        ("RAM", {"free": 9 * GB}, {"s": 1, "g": 10**9}, "warn", "loading g takes about 9.5 GB"),
        ("RAM", {"memory": 3 * GB, "free": 2 * GB}, {"g": 10**9}, "fail", "of g alone are 4.0 GB"),
        ("RAM", {"free": 0}, {"g": 10**9}, "ok", "32.0 GB"),
        ("GPU", {}, {"s": 10**8}, "ok", "on the CPU"),
        ("GPU", {}, {"g": 10**9}, "warn", "g would run on the CPU"),
        ("GPU", {"driver": True}, {}, "warn", "nvidia-smi"),
        ("GPU", {"graphics": [("A100", 80 * GB, 79 * GB)]}, {"g": 10**9}, "ok", "A100 (80.0 GB"),
        ("GPU", {"graphics": [("T4", 16 * GB, 4 * GB)]}, {"g": 10**9}, "warn", "g takes 4.0 GB"),
    ],
)
def test_machine_against_networks(what, changes, networks, status, words):
    line = by_what(machine.check(computer(**changes), networks))[what]
    assert line.status == status and words in line.found
    assert bool(line.todo) is (status != "ok")


# Disks


def test_what_a_data_set_takes_by_hand():
    """10 images of 2 x 4 x 5 in 16 bit; a model, a twin and a baseline; one alignment."""
    model = {"modality": ["any"], "of": "net"}
    study = {
        "datasets": {"d": CELLS},
        "models": {"net": model, "net-twin0": model, "other": {**model, "modality": ["tissue"]}},
        "baselines": {"noise": {"modality": ["any"], "function": "noise"}},
        "tasks": {"t": {"dataset": "d", "alignments": ["none"]}, "u": {"dataset": "e"}},
    }
    size = images.Images(number=10, channels=2, height=4, width=5, each=2)
    pixels, labels = 10 * 2 * 4 * 5 * 2, 10 * 4 * 5 * 2
    numbers = 10 * (2 * 7 + disk.BASELINE) * 4 * 3
    assert disk.of_dataset("d", study, size, {"net": 7}) == pixels + labels + numbers
    study["datasets"]["d"] = {**CELLS, "source": "simulated", "cell_mask": "cells"}
    assert disk.of_dataset("d", study, size, {"net": 7}) == 2 * (pixels + 2 * labels) + numbers


def place(what, needed, least=0):
    return disk.Place(what, f"/{what}", needed, least, "VARIABLE")


@pytest.mark.parametrize(
    ("left", "status"),
    [(10 * GB, "ok"), (9 * GB, "warn"), (3 * GB, "fail"), (-1, "fail")],
)
def test_a_disk_that_is_too_small(left, status):
    line = only(disk.check([place("the study", 10 * GB, 4 * GB)], lambda folder: (1, left)))
    assert line.status == status
    assert ("VARIABLE" in line.todo) is (status != "ok")
    assert ("may not be written" in line.found) is (left < 0)


def test_folders_on_one_disk_share_it():
    places = [place("a", 6 * GB), place("b", 6 * GB)]
    together = list(disk.check(places, lambda folder: (1, 10 * GB)))
    assert [line.status for line in together] == ["ok", "warn"]
    assert "12.0 GB with the above" in together[1].found
    apart = disk.check(places, lambda folder: (folder, 10 * GB))
    assert [line.status for line in apart] == ["ok", "ok"]


def test_disks_are_looked_at_by_the_nearest_folder_that_is_there(tmp_path):
    number, left = disk.look(str(tmp_path / "not/yet"))
    assert (number, left > 0) == (disk.look(str(tmp_path))[0], True)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_bytes(b"12345")
    assert disk.used([str(tmp_path), str(tmp_path / "none")]) == 5


# Packages


def environment(*conda, pip=()):
    return {"dependencies": ["python =3.11", *conda, *([{"pip": list(pip)}] if pip else [])]}


STUDY = {"datasets": {"d": CELLS}, "models": {"net": ROW}}


def test_pins_are_read_from_both_kinds_of_lines():
    read = environments.pins(environment("numpy =2.4.6", "matplotlib-base =3.11.2", "pip =23"))
    assert read == {"numpy": "2.4.6", "matplotlib": "3.11.2"}
    assert environments.pins(environment(pip=["cp_measure ==0.3.0"])) == {"cp_measure": "0.3.0"}


def test_packages_that_are_missing_or_other(monkeypatch):
    numpy = np.__version__
    given = {
        "good": environment(f"numpy ={numpy}"),
        "other": environment("numpy =1.0", f"pandas ={importlib.metadata.version('pandas')}"),
        "missing": environment("no-such-package =1.0", f"numpy ={numpy}"),
    }
    lines = by_what(environments.check(given, STUDY, None))
    assert (lines["good"].status, lines["good"].found) == ("ok", "1 packages as pinned")
    assert lines["other"].found == f"other versions: numpy {numpy} (not 1.0)"
    assert lines["other"].status == "warn"
    assert lines["missing"].found == "missing: no-such-package"
    assert lines["missing"].status == "fail" and "constraints.txt" in lines["missing"].todo


def test_a_package_that_does_not_load(monkeypatch):
    def broken(name):
        raise ImportError("numpy.core.multiarray failed\nto import")

    monkeypatch.setattr(environments, "import_module", broken)
    line = only(environments.check({"e": environment("numpy =2")}, STUDY, None))
    assert line.status == "fail"
    assert "does not load: numpy (ImportError: numpy.core.multiarray failed)" in line.found


def test_packages_that_no_row_asks_for_may_be_missing(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(environments.metadata, "version", missing)
    given = {"torch": environment(pip=["transformers ==5"]), "cellpose": environment("numpy =2")}
    lines = by_what(environments.check(given, STUDY, None))
    assert {line.status for line in lines.values()} == {"ok"}
    assert "not needed" in lines["cellpose"].found
    asking = {
        "datasets": {"d": {**CELLS, "segmentation": "cellpose-small"}},
        "models": {"net": {**ROW, "loader": "transformers"}},
    }
    lines = by_what(environments.check(given, asking, None))
    assert lines["torch"].found == "missing: transformers"
    assert lines["cellpose"].status == "fail"


@pytest.mark.parametrize(
    ("there", "status", "words"),
    [
        (["conda", "mamba"], "ok", "conda, mamba"),
        (["mamba"], "fail", "no conda but mamba"),
        ([], "fail", "no conda"),
    ],
)
def test_conda_where_it_is_asked_for(monkeypatch, there, status, words):
    monkeypatch.setattr(environments.shutil, "which", lambda name: name in there or None)
    lines = by_what(
        environments.check({}, STUDY, {"torch": True, "fetch": False, "cellpose": False})
    )
    assert lines["conda"].status == status and words in lines["conda"].found
    assert (lines["torch"].status, lines["fetch"].status) == ("ok", "warn")
    assert "cellpose" not in lines
    assert "--conda-create-envs-only" in lines["fetch"].todo


# Images and segmenters


PLANES = {"photometric": "minisblack", "planarconfig": "separate"}


def draw(tmp_path) -> str:
    """Write an image of two channels and one of three; give their folder."""
    for name, shape in {"a": (2, 40, 30), "b": (3, 40, 30)}.items():
        tifffile.imwrite(
            tmp_path / f"{name}.tif",
            np.arange(np.prod(shape)).reshape(shape).astype(np.uint16),
            **PLANES,
        )
    return str(tmp_path)


@pytest.fixture
def folder(tmp_path):
    return draw(tmp_path)


def test_images_are_counted_in_tiles_and_the_first_is_read(folder):
    unit = {"number": 7, "first": ["a.tif"]}
    listed = {"root": folder, "units": {"u": unit, "v": {**unit, "number": 3}}}
    assert images.look(CELLS, listed) == images.Images(10, 2, 40, 30, 2)
    tiled = images.look({**CELLS, "tile": 15}, listed)
    assert tiled == images.Images(10 * 2 * 2, 2, 15, 15, 2)
    assert tiled.bytes == 40 * 2 * 15 * 15 * 2
    said = images.describe("d", CELLS, tiled, 2)
    assert said.found == "40 images of 15 x 15 x 2 (16 bit) in 2 units, masks by classical"
    small = images.look({**CELLS, "tile": 64}, listed)
    assert images.describe("d", CELLS, small, 1).status == "warn"


def test_images_that_are_not_as_declared(folder, refused):
    with refused("3 channels", file="b.tif"):
        images.look(CELLS, {"root": folder, "units": {"u": {"number": 1, "first": ["b.tif"]}}})
    with refused("no such file", file="c.tif"):
        images.look(CELLS, {"root": folder, "units": {"u": {"number": 1, "first": ["c.tif"]}}})


@pytest.mark.parametrize("design", images.SIMULATED)
def test_simulated_images_are_counted_without_making_all(design):
    from twinscope.sources import simulated

    small = {"rows": 3, "columns": 2, "effects": ["count"]} if design == "cells" else {"spots": 6}
    small["size"] = 96
    channels = list(simulated.channels(design))
    row = {"source": "simulated", "channels": channels}
    found = images.look(
        {**row, "arguments": {"design": design, "seed": 1, **small}}, {"units": {"u": None}}
    )
    pictures = list(simulated.simulate(design, "u", 1, **small))
    assert found.number == len(pictures)
    picture = pictures[0].image
    assert picture.shape == (found.channels, found.height, found.width)
    assert picture.dtype.itemsize == found.each


def test_segmenters(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path))
    for name in ("classical", "cellpose-small", "given"):
        assert segmenters.check("d", {**CELLS, "segmentation": name}).status == "ok"
        assert not segmenters.missing({**CELLS, "segmentation": name})
    row = {**CELLS, "segmentation": "cellpose"}
    absent = segmenters.check("d", row)
    assert absent.status == "warn" and "CELLPOSE_LOCAL_MODELS_PATH" in absent.todo
    assert segmenters.missing(row) == str(tmp_path / "cpsam_v2")
    (tmp_path / "cpsam_v2").write_bytes(b"weights")
    assert segmenters.check("d", row).status == "ok" and not segmenters.missing(row)
    own = {**row, "network": f"file:{tmp_path / 'cpsam_v2'}"}
    assert segmenters.check("d", own).status == "ok"
    assert segmenters.check("d", {**row, "network": "file:gone"}).status == "fail"
    pytest.importorskip("cellpose")
    assert segmenters.check("d", {**row, "network": "cpsan"}).status == "fail"
