"""A network by tag, fetched from a stand-in for the hub on this machine's loopback."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
ROW = {
    **{"model": "tagged", "loader": "timm", "architecture": "test_resnet"},
    **{"weights": "timm:r160_in1k", "policy": "rgb", "intensity": "dtype"},
}
LOAD = f"""
import sys; sys.path.insert(0, {str(SCRIPTS)!r})
from twinscope import models
from twinscope.errors import InputError
try:
    print(models.load({ROW!r}).checksum)
except InputError as error:
    print("refused:", error)
"""


@pytest.fixture
def hub():
    """A server with the few answers that the hub's client asks for one file."""
    from safetensors.torch import save

    torch.manual_seed(5)
    network = timm.create_model("test_resnet", pretrained=False)
    files = {
        "/timm/test_resnet.r160_in1k/resolve/main/model.safetensors": save(network.state_dict())
    }

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            content = content or b""
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", network
    server.shutdown()
    server.server_close()


def load(endpoint: str, home: Path) -> str:
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home)}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def test_weights_of_a_tag_come_from_the_hub_and_then_from_the_cache(hub, tmp_path):
    from twinscope.models.timm import checksum

    endpoint, network = hub
    network.reset_classifier(0)
    assert load(endpoint, tmp_path) == checksum(network.eval())
    cached = [path for path in tmp_path.rglob("model.safetensors") if path.is_file()]
    assert len(cached) == 1, json.dumps([str(path) for path in tmp_path.rglob("*")])


def test_an_unknown_tag_is_refused(hub, tmp_path):
    said = load(hub[0] + "/nothing-here", tmp_path)
    assert said.startswith("refused: models.tsv, row tagged, column weights")
    assert "test_resnet.r160_in1k cannot be had from the hub" in said
