"""The doctor of a whole study: asked for twice it looks twice, and no token is left anywhere."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow

TOKEN = "hf_" + "ThisIsNoTokenOfAnybody"
ROW = "gated\ttimm\ttest_vit\thf-hub:owner/gated\ttissue\trgb\tdtype\t64"


def lines_of(study) -> pd.DataFrame:
    return pd.read_csv(study.folder / "results/doctor.tsv", sep="\t", keep_default_na=False)


class Gated(BaseHTTPRequestHandler):
    """A hub that lets nobody in, and says too much about who came."""

    def do_HEAD(self):
        self.send_response(403)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Error-Message", f"no: {self.headers.get('Authorization')}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gated)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


def test_it_looks_whenever_it_is_asked_and_lets_a_good_study_go(fresh):
    said = fresh.succeed("doctor")
    assert "0 that would stop the study" in said and "\033[" not in said
    lines = lines_of(fresh)
    assert set(lines["status"]) <= {"ok", "warn"}
    found = lines.set_index(["check", "what"])["found"]
    assert found["network", "lite0"].startswith("1280 numbers from 64 x 64")
    assert found["network", "lite0-channels"].startswith("1280 numbers for each of 5 channels")
    assert "tensors fit" in found["weights", "lite0"]
    assert found["images", "toy-folder"].startswith("24 images of 64 x 64 x 3 (8 bit) in 2 units")
    (fresh.folder / "results/doctor.tsv").unlink()
    fresh.succeed("doctor")
    assert lines_of(fresh).shape == lines.shape
    assert "rule doctor" not in fresh.succeed("--dry-run")


def test_weights_that_nobody_may_fetch_stop_it_and_no_token_is_left(fresh, hub):
    fresh.add("models.tsv", ROW)
    said = fresh.fail("doctor")
    assert "1 that would stop the study" in said and "Traceback" not in said
    bad = lines_of(fresh).query("status == 'fail'")
    assert bad["what"].tolist() == ["gated"]
    assert "403: access is not granted" in bad["found"].item()
    assert hub.server_address[0] in said
    left = [path for path in fresh.folder.rglob("*") if path.is_file()]
    assert {"doctor.tsv", "doctor.log"} <= {path.name for path in left}
    secret = TOKEN.removeprefix("hf_")
    assert secret not in said
    assert not [path for path in left if secret.encode() in path.read_bytes()]


def test_an_image_that_cannot_be_read_is_found(fresh):
    (fresh.folder / "images/00.png").write_bytes(b"no image")
    assert "TIFF, PNG or JPEG" in fresh.fail("doctor")
    assert lines_of(fresh).query("status == 'fail'")["what"].tolist() == ["toy-folder"]
