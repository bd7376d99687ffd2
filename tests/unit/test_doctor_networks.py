"""Networks, their weights and the hub, as the doctor of a study sees them; and all of it."""

import hashlib
import importlib
import sys
import threading
from http.server import ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from test_doctor import CELLS, ROW, by_what, draw, only

from twinscope import doctor
from twinscope.doctor import disk, findings, machine

# Networks


@pytest.fixture
def networks():
    pytest.importorskip("timm")
    return importlib.import_module("twinscope.doctor.networks")


def test_a_network_is_measured_with_weights_or_by_shapes_alone(networks, monkeypatch):
    drawn = networks.measure(ROW)
    monkeypatch.setattr(networks, "LARGE", 0)
    shapes = networks.measure(ROW)
    assert (drawn.drawn, shapes.drawn) == (True, False)
    assert drawn.network.module is shapes.network.module is None
    import timm

    module = timm.create_model("test_vit", num_classes=0)
    expected = (module.num_features, sum(p.numel() for p in module.parameters()))
    for made in (drawn, shapes):
        assert (made.dimension, made.parameters) == expected


def test_what_is_said_of_a_network(networks):
    made = networks.measure(ROW)
    line = networks.check("net", ROW, made, [3, 2, 3])
    assert line.status == "ok"
    said = "64 numbers for each of 2 or 3 channels from 160 x 160, 0.3 M parameters, "
    assert line.found == f"{said}drawn and run"
    assert networks.width(made, list("abc")) == 3 * 64
    right = networks.check("net", {**ROW, "dimension": 64}, made, [1])
    assert right.status == "ok" and right.found.endswith("as its row says")
    wrong = networks.check("net", {**ROW, "dimension": 128}, made, [1])
    assert wrong.status == "fail" and "its row says 128" in wrong.found
    assert "dimension" in wrong.todo


@pytest.mark.parametrize(
    ("policy", "inputs", "numbers"),
    [("per-channel", 3, 36), ("per-channel-mean", 3, 12), ("rgb", 1, 12), ("adapted", 1, 12)],
)
def test_layers_are_counted_and_averages_are_not_multiplied(networks, policy, inputs, numbers):
    made = networks.Measured(SimpleNamespace(policy=policy), True, 5, 7, 1)
    assert networks.count(made, list("abc")) == inputs
    assert networks.width(made, list("abc")) == numbers


def test_an_adapted_network_with_layers(networks):
    made = networks.measure(
        {**ROW, "policy": "adapted", "channels": list("abcd"), "layers": ["all"]}
    )
    assert made.network.inputs == 4 and made.dimension == 64 and made.layers > 0
    assert (
        f"64 numbers, {made.layers} of layers besides" in networks.check("n", ROW, made, [1]).found
    )


def test_a_network_that_cannot_be_built_is_one_line(networks):
    line = only(
        findings.guarded(
            "network", "n", (networks.measure(r) for r in [{**ROW, "architecture": "no"}])
        )
    )
    assert line.status == "fail" and "architecture: 'no'" in line.found


PYTHON = """
import torch
open("ran", "w").close()
def build(weights, seed):
    scale = float(torch.ones(1).sum()) {fails}
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3)), {{
        "input_size": 8, "mean": (0, 0, 0), "std": (1, 1, 1)}}
"""


def test_code_of_a_row_runs_only_with_leave(networks, tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PYTHON.format(fails=""))
    row = {**ROW, "loader": "python", "architecture": "net.py:build"}
    with refused("executes_code"):
        networks.measure(row)
    assert not (tmp_path / "ran").exists()
    # It asks for a value, which the meta device does not have; it is then built as it is.
    made = networks.measure({**row, "executes_code": "yes"})
    assert (made.drawn, made.dimension, made.parameters) == (True, 3, 579)
    (tmp_path / "net.py").write_text(PYTHON.format(fails="/ 0"))
    with refused("ZeroDivisionError"):
        networks.measure({**row, "executes_code": "yes"})


# The hub


def standing_in():
    from test_hub import Hub

    class Slow(Hub):
        def do_HEAD(self):
            if "owner/slow" in self.path:
                return self.server.over.wait(10)
            return super().do_HEAD()

    return Slow


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in for the hub, and a client that has a token and nothing in its cache."""
    pytest.importorskip("timm")
    from huggingface_hub import constants
    from test_hub import TOKEN

    server = ThreadingHTTPServer(("127.0.0.1", 0), standing_in())
    server.over, server.asked = threading.Event(), []
    server.files = dict.fromkeys(
        ["timm/test_resnet.r160_in1k/main/model.safetensors", "owner/named/v1/w.bin"], b"weights"
    )
    server.files["owner/whole/main/pytorch_model.bin"] = b"more weights"
    server.files["owner/slow/main/model.safetensors"] = b"never seen"
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(importlib.import_module("twinscope.doctor.remote"), "SECONDS", 60)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def rows_of(*names, **changes):
    return {n: {**ROW, "weights": f"hf-hub:owner/{n}", "model": n, **changes} for n in names}


def weighed(rows, measured=None):
    """The lines on the hub and on each row's weights, and the bytes to be fetched."""
    from twinscope.doctor import weights

    looked = weights.look(rows)
    lines = list(weights.check(rows, measured or {}, looked))
    return by_what(lines), weights.missing(measured or {}, looked)


def test_what_the_hub_answers_is_told_apart(hub):
    from test_hub import TOKEN

    rows = rows_of("gated", "private", gated=True)
    rows |= rows_of("forbidden", "invalid", "gone", "whole")
    rows["tag"] = {**ROW, "architecture": "test_resnet", "weights": "timm:r160_in1k"}
    rows["named"] = {**ROW, "weights": "hf-hub:owner/named@v1/w.bin"}
    rows["revision"] = {**ROW, "weights": "hf-hub:owner/named@v2/w.bin"}
    rows["file"] = {**ROW, "weights": "hf-hub:owner/named@v1/other.bin"}
    rows["plain"] = {**ROW, "weights": "none"}
    lines, fetched = weighed(rows)
    good = ("whole", "tag", "named", "plain", "endpoint", "token")
    assert {w: f.status for w, f in lines.items()} == {
        w: "ok" if w in good else "fail" for w in (*rows, "endpoint", "token")
    }
    for name, words in {
        **{"gated": "403: access", "private": "401: ", "forbidden": "403: access"},
        **{"invalid": "401: ", "gone": "404: no such repository"},
        **{"revision": "no such revision", "file": "owner/named without other.bin"},
        **{"whole": "from owner/whole, 12 bytes", "tag": "from timm/test_resnet.r160_in1k, 7 b"},
    }.items():
        assert words in lines[name].found, name
    for name in ("gated", "private"):
        assert "accept the terms" in lines[name].todo
    assert fetched == (12 + 7 + 7, 12 + 7 + 7)
    assert "from HF_TOKEN" in lines["token"].found
    said = findings.text(list(lines.values()))
    assert TOKEN not in said and "127.0.0.1" in lines["endpoint"].found


def test_a_hub_that_takes_too_long(hub, monkeypatch):
    remote = importlib.import_module("twinscope.doctor.remote")
    source = importlib.import_module("twinscope.doctor.sources").find(rows_of("slow")["slow"])
    monkeypatch.setattr(remote, "SECONDS", 0.2)
    (answer,) = remote.ask([source]).values()
    line = remote.away("slow", ROW, source, answer, None)
    assert line.status == "fail" and "owner/slow: no answer within" in line.found


def test_access_to_gated_weights_is_said(hub):
    lines, _ = weighed(rows_of("whole", gated=True))
    assert lines["whole"].found.endswith("access granted")


def test_a_checksum_is_held_against_what_the_hub_says(hub):
    digest = hashlib.sha256(b"more weights").hexdigest()
    lines, _ = weighed(rows_of("whole", sha256=digest))
    assert lines["whole"].status == "ok"
    lines, _ = weighed(rows_of("whole", sha256="0" * 64))
    assert lines["whole"].status == "fail" and digest in lines["whole"].found


def test_what_is_in_the_cache_is_asked_of_nobody(hub):
    import huggingface_hub

    huggingface_hub.hf_hub_download("timm/test_resnet.r160_in1k", "model.safetensors")
    huggingface_hub.hf_hub_download("owner/named", "w.bin", revision="v1")
    hub.asked.clear()
    rows = {"tag": {**ROW, "architecture": "test_resnet", "weights": "timm:r160_in1k"}}
    rows["named"] = {**ROW, "weights": "hf-hub:owner/named@v1/w.bin", "gated": True}
    rows["named"]["sha256"] = hashlib.sha256(b"weights").hexdigest()
    lines, fetched = weighed(rows)
    assert {line.status for line in lines.values()} == {"ok"} and not hub.asked
    assert "in the cache of the hub, 7 bytes, sha256" in lines["named"].found
    assert fetched == (0, 0)
    rows["named"]["sha256"] = "0" * 64
    assert weighed(rows)[0]["named"].status == "fail"


def test_settings_that_are_not_in_the_cache_are_needed_too(hub):
    import huggingface_hub

    from twinscope.doctor.sources import cached, find

    row = rows_of("whole")["whole"]
    huggingface_hub.hf_hub_download("owner/whole", "pytorch_model.bin")
    assert not cached(find(row))
    assert cached(find({**row, "loader": "python"}))


def test_weights_in_parts_are_in_the_cache_if_all_are(hub):
    import huggingface_hub

    from twinscope.doctor.sources import cached, find

    index = b'{"weight_map": {"x": "1.safetensors", "y": "2.safetensors"}}'
    for name, data in {
        **{"model.safetensors.index.json": index, "config.json": b"{}"},
        **{"1.safetensors": b"1", "2.safetensors": b"2"},
    }.items():
        hub.files[f"owner/parts/main/{name}"] = data
    source = find({**ROW, "loader": "transformers", "weights": "hf-hub:owner/parts"})
    for name in ("config.json", "model.safetensors.index.json", "1.safetensors"):
        huggingface_hub.hf_hub_download("owner/parts", name)
        assert not cached(source)
    huggingface_hub.hf_hub_download("owner/parts", "2.safetensors")
    assert len(cached(source)) == 2


def test_a_hub_that_cannot_be_reached_or_may_not_be_asked(hub, monkeypatch):
    from huggingface_hub import constants

    made = {"whole": SimpleNamespace(parameters=10)}
    monkeypatch.setattr(constants, "ENDPOINT", "http://user:secret@127.0.0.1:9")
    lines, fetched = weighed(rows_of("whole"), made)
    assert lines["endpoint"].status == lines["whole"].status == "fail"
    assert "http://127.0.0.1:9 cannot be reached" in lines["endpoint"].found
    assert "secret" not in findings.text(list(lines.values()))
    assert "the hub not reached" in lines["whole"].found
    # Nobody says how much: four bytes a parameter.
    assert fetched == (40, 0)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    lines, _ = weighed(rows_of("whole"), made)
    assert lines["endpoint"].status == "ok" and "HF_HUB_OFFLINE" in lines["endpoint"].found
    assert lines["whole"].status == "fail" and "HF_HUB_OFFLINE" in lines["whole"].found
    assert not hub.asked


def test_without_a_token_gated_rows_are_counted(hub, monkeypatch):
    remote = importlib.import_module("twinscope.doctor.remote")
    monkeypatch.setattr(remote.huggingface_hub, "get_token", lambda: None)
    lines, _ = weighed(rows_of("gated", gated=True) | rows_of("whole"))
    assert lines["token"].status == "warn" and "1 networks" in lines["token"].found
    lines, _ = weighed(rows_of("whole"))
    assert lines["token"].status == "ok"


def test_without_rows_of_a_hub_it_is_not_asked(hub):
    lines, _ = weighed({"plain": ROW})
    assert not hub.asked and "not needed" in lines["endpoint"].found
    assert "untrained on purpose" in lines["plain"].found


def test_weights_in_a_file_are_read_and_have_to_fit(hub, tmp_path):
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), path)
    row = {**ROW, "weights": f"file:{path}"}
    small = {"net": SimpleNamespace(parameters=1)}
    line = weighed({"net": row}, small)[0]["net"]
    assert line.status == "ok" and line.found.endswith("and all tensors fit")
    other = weighed({"net": {**row, "architecture": "test_resnet"}}, small)[0]["net"]
    assert other.status == "fail" and "tensors" in other.found
    gone = weighed({"net": {**row, "weights": "file:gone"}}, small)[0]["net"]
    assert gone.status == "fail" and "no file 'gone'" in gone.found
    pinned = weighed({"net": {**row, "sha256": "0" * 64}}, small)[0]["net"]
    assert pinned.status == "fail" and "sha256" in pinned.found


# All of it


@pytest.fixture
def study(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    twin = {**ROW, "weights": "none", "role": "twin", "of": "net", "seed": 0}
    rows = {
        "net": {**ROW, "role": "model", "weights": "hf-hub:owner/gated", "gated": True},
        "net-twin0": twin,
        "idle": {**ROW, "role": "model", "modality": ["tissue"], "of": "idle"},
    }
    listed = {"d": {"root": draw(tmp_path), "units": {"u": {"number": 2, "first": ["a.tif"]}}}}
    tasks = {"t": {"dataset": "d", "alignments": ["none"]}}
    return {
        **{"datasets": {"d": dict(CELLS)}, "models": rows, "baselines": {}, "tasks": tasks},
        **{"listed": listed},
    }


def test_all_is_looked_at_and_no_token_is_said(study):
    from test_hub import TOKEN

    told = []
    lines = doctor.examine(study, {}, watch=lambda *done: told.append(done))
    assert {line.check for line in lines} == set(findings.CHECKS) - {"packages"}
    assert lines[-1].what == "net" and "403" in lines[-1].found
    assert [line.status for line in lines].count("fail") == 1 and doctor.failed(lines)
    assert told == [(1, 2), (2, 2)]
    networks = {line.what: line for line in lines if line.check == "network"}
    assert "not run" in networks["idle"].found
    assert TOKEN not in doctor.text(lines) + doctor.table(lines).to_csv()


def test_a_token_in_the_message_of_a_library_is_struck(study, networks, monkeypatch):
    from test_hub import TOKEN

    def fails(row):
        raise RuntimeError(f"sent Bearer {TOKEN}")

    monkeypatch.setattr(networks, "measure", fails)
    lines = doctor.examine(study, {})
    assert TOKEN not in doctor.text(lines) and "RuntimeError: sent Bearer ***" in doctor.text(lines)


def test_a_wrong_dimension_stops_and_right_weights_let_go(study):
    study["models"]["net"] |= {"weights": "hf-hub:owner/whole", "dimension": 64}
    assert not doctor.failed(doctor.examine(study, {}))
    study["models"]["net"]["dimension"] = 65
    bad = [line for line in doctor.examine(study, {}) if line.status == "fail"]
    assert [line.check for line in bad] == ["network"]


def test_a_check_that_fails_itself_hides_no_other(study, monkeypatch):
    def fails():
        raise OSError("no such device")

    monkeypatch.setattr(machine, "look", fails)
    lines = doctor.examine(study, {})
    odd = next(line for line in lines if line.check == "machine")
    assert (odd.status, odd.found) == ("warn", "OSError: no such device")
    assert {"disk", "weights"} <= {line.check for line in lines}


def test_a_disk_that_is_full_is_seen(study, monkeypatch):
    monkeypatch.setattr(disk, "look", lambda folder: (1, 0))
    lines = [line for line in doctor.examine(study, {}) if line.check == "disk"]
    assert {line.what: line.status for line in lines}["the study"] == "fail"


def test_without_torch_it_says_so(study, monkeypatch):
    for name in [n for n in sys.modules if n.split(".")[0] in ("torch", "timm")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in [n for n in sys.modules if n.startswith(("twinscope.models", "twinscope.inputs"))]:
        monkeypatch.delitem(sys.modules, name)
    lines = doctor.examine(study, {})
    assert "torch" in next(line for line in lines if line.check == "network").found + str(lines)
    assert doctor.failed(lines)
