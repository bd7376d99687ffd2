"""Weights of a hub, fetched from a stand-in for it on this machine's loopback."""

import errno
import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
errors = pytest.importorskip("huggingface_hub.errors")

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
TOKEN = "hf_" + "ThisIsNoTokenOfAnybody"
TAG = {
    **{"model": "tagged", "loader": "timm", "architecture": "test_resnet"},
    **{"weights": "timm:r160_in1k", "policy": "rgb", "intensity": "dtype"},
}
VIT = {**TAG, "model": "net", "architecture": "test_vit"}
ARGUMENTS = {"reg_tokens": 2, "init_values": 1e-5}
SCALING = {"mean": [0.7, 0.6, 0.5], "std": [0.2, 0.3, 0.4]}
WHOLE = {**VIT, **SCALING, "weights": "hf-hub:owner/whole", "model_args": ARGUMENTS}
LIBRARY = {
    **{"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    **{"intermediate_size": 32, "image_size": 32, "patch_size": 16},
}
HF = {
    **{"model": "net", "loader": "transformers", "architecture": "vit", **SCALING},
    **{"weights": "hf-hub:owner/library", "policy": "rgb", "intensity": "dtype"},
    **{"model_args": LIBRARY},
}
LOAD = f"""
import json, logging, sys, traceback; sys.path.insert(0, {str(SCRIPTS)!r})
logging.basicConfig(level=logging.INFO)
import time; time.sleep = lambda seconds: None
from huggingface_hub import constants; constants.DOWNLOAD_CHUNK_SIZE = 1024
from twinscope import models
from twinscope.errors import InputError
for row in json.load(sys.stdin):
    try:
        print(models.load(row).checksum)
    except InputError as error:
        print("refused:", error)
        traceback.print_exc()
"""


class Payload:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def network(name, **arguments):
    torch.manual_seed(5)
    return timm.create_model(name, pretrained=False, **arguments)


def library():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(6)
    return transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**LIBRARY))


def content(folder) -> dict[str, bytes]:
    """What the stand-in's repositories hold."""
    from safetensors.torch import save

    def pickled(thing):
        torch.save(thing, file := io.BytesIO())
        return file.getvalue()

    vit, plain = network("test_vit", num_classes=9, **ARGUMENTS), network("test_vit")
    config = {"architecture": "test_vit.r160", "num_classes": 9, "model_args": ARGUMENTS}
    config |= {"pretrained_cfg": {**SCALING, "interpolation": "bicubic"}}
    weights, large = save(plain.state_dict()), library()
    return {
        "owner/library/main/model.safetensors": save(large.state_dict()),
        "owner/library/main/config.json": large.config.to_json_string().encode(),
        "owner/opened/main/model.safetensors": weights,
        "timm/test_resnet.r160_in1k/main/model.safetensors": save(
            network("test_resnet").state_dict()
        ),
        "owner/whole/main/model.safetensors": save(vit.state_dict()),
        "owner/whole/main/config.json": json.dumps(config).encode(),
        "owner/binary/main/pytorch_model.bin": pickled(plain.state_dict()),
        "owner/named/v1/sub/w.safetensors": weights,
        "owner/code/main/pytorch_model.bin": pickled({"conv": Payload(folder / "ran")}),
        "owner/truncated/main/model.safetensors": weights[: len(weights) // 2],
        "owner/other/main/model.safetensors": save(network("test_resnet").state_dict()),
        "owner/damaged/main/model.safetensors": weights,
        "owner/cut/main/model.safetensors": weights,
        "owner/severed/main/model.safetensors": weights,
    }


REFUSED = {
    "owner/gated": (403, "GatedRepo"),
    "owner/forbidden": (403, None),
    "owner/private": (401, None),
    "owner/invalid": (401, "InvalidToken"),
    "owner/gone": (404, "RepoNotFound"),
}


class Hub(BaseHTTPRequestHandler):
    """The few answers that the hub's client asks for one file, some of them bad on purpose."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        asked = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        repo, revision, name = asked.groups() if asked else ("", "", "")
        self.server.asked.append((self.command, repo, name, self.headers.get("Range")))
        # Gated, and opened to the one who has accepted its terms.
        if repo == "owner/opened" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.refuse(401, "GatedRepo")
        held = {key for key in self.server.files if key.startswith(f"{repo}/")}
        if repo in REFUSED or not held:
            return self.refuse(*REFUSED.get(repo, (404, "RepoNotFound")))
        if not any(key.startswith(f"{repo}/{revision}/") for key in held):
            return self.refuse(404, "RevisionNotFound")
        whole = self.server.files.get(f"{repo}/{revision}/{name}")
        if whole is None:
            return self.refuse(404, "EntryNotFound")
        start = int(re.search(r"\d+", self.headers.get("Range", "0"))[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(whole).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(whole) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.end_headers()
        if body:
            self.wfile.write(self.sent(repo, whole, start))
            self.close_connection = True

    def sent(self, repo, whole, start):
        if repo == "owner/damaged":
            return whole[:-1] + bytes([whole[-1] ^ 1])
        # A cut download goes on where it stopped; a severed one never does.
        end = len(whole) // 2 if repo in ("owner/cut", "owner/severed") and not start else None
        return b"" if repo == "owner/severed" and start else whole[start:end]

    def refuse(self, status, code):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if code == "EntryNotFound":
            self.send_header("X-Repo-Commit", "0" * 40)
        # A server that says what it should not: none of it may reach a log.
        self.send_header("X-Error-Message", f"no: {self.headers.get('Authorization')}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder = tmp_path_factory.mktemp("hub")
    server.files, server.asked = content(server.folder), []
    server.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load(endpoint: str, home: Path, *rows: dict, **more: str) -> list[str]:
    """Load rows one after the other in a fresh process; none of its output holds the token."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_TOKEN": TOKEN}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"OMP_NUM_THREADS": "1", **more}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        **{"input": json.dumps(rows), "env": environment},
        **{"capture_output": True, "text": True, "timeout": 300},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for token in (TOKEN, TOKEN.removeprefix("hf_")):
        assert token not in done.stdout + done.stderr
    said = done.stdout.strip().splitlines()
    assert len(said) == len(rows), said
    return said


ROWS = {
    "tag": TAG,
    "whole": WHOLE,
    "binary": {**VIT, "weights": "hf-hub:owner/binary"},
    "named": {**VIT, "weights": "hf-hub:owner/named@v1/sub/w.safetensors"},
    "cut": {**VIT, "weights": "hf-hub:owner/cut"},
    "pinned": {**VIT, "weights": "hf-hub:owner/binary", "sha256": "0" * 64},
    "unknown tag": {**TAG, "architecture": "test_vit", "weights": "timm:r160_in1k"},
    "unknown file": {**VIT, "weights": "hf-hub:owner/named@v1/gone.bin"},
    "unknown revision": {**VIT, "weights": "hf-hub:owner/binary@v9"},
    "no weights": {**VIT, "weights": "hf-hub:owner/named@v1"},
    **{
        name: {**VIT, "weights": f"hf-hub:owner/{name}"}
        for name in (
            *("opened", "gated", "forbidden", "private", "invalid", "gone"),
            *("code", "truncated", "other", "damaged", "severed"),
        )
    },
    "library": HF,
    "library gated": {**HF, "weights": "hf-hub:owner/gated"},
    "library gone": {**HF, "weights": "hf-hub:owner/gone"},
    "library argument": {**HF, "model_args": {**LIBRARY, "num_hidden_layers": 1}},
    "other architecture": {**WHOLE, "architecture": "test_vit2"},
    "other argument": {**WHOLE, "model_args": {**ARGUMENTS, "init_values": 1e-4}},
    "no argument": {**WHOLE, "model_args": {"reg_tokens": 2}},
    "no mean": {k: v for k, v in WHOLE.items() if k != "mean"},
}


@pytest.fixture(scope="module")
def said(hub, tmp_path_factory):
    """What loading each of the rows says; the cache stays for the tests after it."""
    hub.home = tmp_path_factory.mktemp("home")
    return dict(zip(ROWS, load(hub.endpoint, hub.home, *ROWS.values()), strict=True))


def checksum(name, **arguments):
    from twinscope.models.weights import checksum

    made = network(name, **arguments)
    made.reset_classifier(0)
    return checksum(made)


def test_weights_come_from_the_hub(said):
    plain = checksum("test_vit")
    assert said["tag"] == checksum("test_resnet")
    assert said["whole"] == checksum("test_vit", num_classes=9, **ARGUMENTS)
    assert said["binary"] == said["named"] == said["opened"] == plain


def test_a_model_of_transformers_comes_from_the_hub(said):
    from twinscope.models.pooling import Pooled
    from twinscope.models.weights import checksum

    assert said["library"] == checksum(Pooled(library(), "token", 1, 0))


def test_a_gated_repository_stays_shut_without_its_token(hub, tmp_path):
    for token in ("", "hf_" + "Another"):
        (line,) = load(hub.endpoint, tmp_path, ROWS["opened"], HF_TOKEN=token)
        assert line.startswith("refused") and "401" in line and "HF_TOKEN" in line


def test_a_download_that_is_cut_goes_on_where_it_stopped(hub, said):
    assert said["cut"] == checksum("test_vit")
    whole = len(hub.files["owner/cut/main/model.safetensors"])
    first, then = [seen[3] for seen in hub.asked if seen[:2] == ("GET", "owner/cut")]
    assert first is None and 0.4 * whole < int(then[len("bytes=") : -1]) <= 0.5 * whole


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        (
            "gated",
            "weights",
            ["owner/gated/model.safetensors", "403", "terms accepted", "HF_TOKEN"],
        ),
        ("forbidden", "weights", ["403", "terms accepted"]),
        ("private", "weights", ["401", "valid token"]),
        ("invalid", "weights", ["401", "valid token"]),
        ("gone", "weights", ["404: no such repository", "owner/name"]),
        ("unknown tag", "weights", ["test_vit.r160_in1k cannot be had", "404"]),
        ("unknown file", "weights", ["owner/named without the file 'gone.bin'"]),
        ("unknown revision", "weights", ["no such revision", "branch, tag or commit"]),
        ("no weights", "weights", ["without model.safetensors or pytorch_model.bin"]),
        ("code", "weights", ["cannot be read", "named tensors alone"]),
        ("truncated", "weights", ["cannot be read", "a whole file"]),
        ("other", "weights", ["missing", "unexpected", "tensors of test_vit"]),
        ("damaged", "weights", ["damaged in the cache", "delete "]),
        ("severed", "weights", ["cut short", "run again"]),
        ("pinned", "sha256", ["owner/binary", "0" * 64]),
        ("library gated", "weights", ["owner/gated", "403", "terms accepted"]),
        ("library gone", "weights", ["owner/gone", "404"]),
        ("library argument", "model_args", ["num_hidden_layers 1", "expected 2"]),
        ("other architecture", "architecture", ["'test_vit2'", "expected test_vit,"]),
        ("other argument", "model_args", ["init_values 0.0001", '"init_values": 1e-05']),
        ("no argument", "model_args", ["no init_values", '"init_values": 1e-05', "twins"]),
        ("no mean", "mean", ["expected 0.7,0.6,0.5", "twins"]),
    ],
)
def test_each_failure_says_what_would_help(said, name, column, words):
    row = ROWS[name]["model"]
    assert said[name].startswith(f"refused: models.tsv, row {row}, column {column}: found ")
    for word in words:
        assert word in said[name]
    assert "127.0.0.1" not in said[name]


def test_code_in_weights_of_a_hub_does_not_run(hub, said):
    assert said["code"].startswith("refused")
    assert not (hub.folder / "ran").exists()
    # The payload is live: what refuses it is the loader.
    whole = io.BytesIO(hub.files["owner/code/main/pytorch_model.bin"])
    torch.load(whole, weights_only=False)["conv"].close()
    assert (hub.folder / "ran").exists()


def test_a_damaged_file_in_the_cache_is_named(hub, said):
    path = Path(re.search(r"delete (\S+) and", said["damaged"])[1])
    assert path.is_file() and path.is_relative_to(hub.home)


def test_without_a_network_the_cache_is_enough(hub, said, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    names = ("tag", "whole", "binary", "named", "cut", "library", "opened")
    rows = [ROWS[name] for name in names]
    assert load(nowhere, hub.home, *rows) == [said[name] for name in names]
    # Nor is one needed for twins, whatever their model's weights.
    twins = [{**row, "weights": "none", "trained": row["weights"], "seed": 0} for row in rows]
    assert all(re.fullmatch("[0-9a-f]{64}", line) for line in load(nowhere, tmp_path, *twins))


def test_without_a_network_and_without_the_cache(tmp_path):
    (line,) = load("http://127.0.0.1:9", tmp_path, ROWS["binary"])
    assert "owner/binary/model.safetensors cannot be had from the hub (no network" in line
    assert "weights in the cache, or a hub to reach" in line


def test_a_hub_that_is_switched_off(hub, said, tmp_path):
    whole, tag = load(hub.endpoint, hub.home, WHOLE, TAG, HF_HUB_OFFLINE="1")
    assert (whole, tag) == (said["whole"], said["tag"])
    line, tag = load(hub.endpoint, tmp_path, ROWS["binary"], TAG, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in line and "test_resnet.r160_in1k cannot be had from the hub" in tag


def test_a_gated_repository_that_is_in_the_cache_is_loaded(hub, said, monkeypatch):
    monkeypatch.setitem(REFUSED, "owner/whole", (403, "GatedRepo"))
    assert load(hub.endpoint, hub.home, WHOLE) == [said["whole"]]


class Answer(Exception):
    def __init__(self, status):
        self.response = type("Response", (), {"status_code": status})
        super().__init__(f"{status} for Bearer {TOKEN}")


def chained(outer, inner):
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Answer(429), ["429", "patience"]),
        (Answer(503), ["answers 503", "run again later"]),
        (chained(OSError(f"We cannot: {TOKEN}"), Answer(403)), ["403", "terms accepted"]),
        (chained(RuntimeError(TOKEN), OSError(errno.ENOSPC, "full")), ["the disk is full"]),
        (ConnectionError(TOKEN), ["no network"]),
        (type("ConnectTimeout", (Exception,), {})(TOKEN), ["no network"]),
        (type("ReadError", (Exception,), {})(TOKEN), ["cut short"]),
        (RuntimeError(f"odd, with {TOKEN}\nand more"), ["(odd, with ***)"]),
        (RuntimeError(), ["(RuntimeError)"]),
    ],
)
def test_other_failures_and_no_token_in_any_message(monkeypatch, error, words):
    from twinscope.models import hub

    monkeypatch.setattr(hub.huggingface_hub, "get_token", lambda: TOKEN)
    found = str(hub.explain(error, "owner/name", VIT))
    assert found.startswith("models.tsv, row net, column weights: found owner/name cannot be had")
    assert TOKEN not in found and "\n" not in found
    for word in words:
        assert word in found


def test_addresses_are_taken_apart():
    from twinscope.models.hub import split

    assert split("a/b") == ("a/b", None, None)
    assert split("a/b@v1") == ("a/b", "v1", None)
    assert split("a/b/c/d.bin") == ("a/b", None, "c/d.bin")
    assert split("a/b@v1/d.bin") == ("a/b", "v1", "d.bin")
