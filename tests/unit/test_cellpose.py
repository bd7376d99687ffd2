import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from skimage.draw import disk

from twinscope.errors import InputError

torch = pytest.importorskip("torch")
models = pytest.importorskip("cellpose.models")

from twinscope.segmentation import cellpose, small  # noqa: E402
from twinscope.segmentation.scoring import score  # noqa: E402
from twinscope.segmentation.training_images import DIAMETER, Scene, dress, scenes  # noqa: E402

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
ASKED = {"channels": ("dna",), "nuclear_channel": "dna", "microns_per_pixel": 0.5}


def discs(centres, radius=8, shape=(128, 128)):
    truth = np.zeros(shape, np.int32)
    for number, centre in enumerate(centres, 1):
        truth[disk(centre, radius, shape=shape)] = number
    return truth


def scattered(seed, shape=(128, 128)):
    """16 discs near the points of a grid, some of which touch."""
    grid = np.stack(np.meshgrid(*2 * [np.arange(16, 128, 32)]), -1).reshape(-1, 2)
    jitter = np.random.default_rng(seed).integers(-9, 10, grid.shape)
    return discs(grid + jitter, shape=shape)


def photograph(truth, level=2000.0, seed=0):
    noise = np.random.default_rng(seed).normal(300, 20, truth.shape)
    return (noise + level * (truth > 0))[None].astype(np.uint16)


def scene(seed):
    truth = scattered(seed)
    numbers = np.unique(truth)
    truth = np.searchsorted(numbers, truth).astype(np.int32)
    return Scene((truth > 0).astype(np.float32), truth)


@pytest.fixture(scope="module")
def trained():
    """A network that has learned discs, and how its training went."""
    told = []
    drawn = [scene(seed) for seed in range(16)]
    checkpoint, log = small.train(
        drawn, epochs=45, scenes_per_epoch=8, progress=lambda *now: told.append(now)
    )
    return small.load(checkpoint), log, told


def found(network, image, **changes):
    return small.segment(image, **(ASKED | changes), nucleus_diameter=8.0, network=network)


def test_training_lowers_the_loss_and_tells_how_far_it_is(trained):
    _, log, told = trained
    assert log["epoch"].tolist() == list(range(1, 46)) and log["loss"].notna().all()
    assert log["loss"].iloc[-3:].mean() < 0.6 * log["loss"].iloc[:3].mean()
    assert told == [(epoch, 45) for epoch in range(1, 46)]


def test_what_was_learned_is_found_in_images_never_seen(trained):
    scores = [
        score(truth, found(trained[0], photograph(truth))).F1[0]
        for truth in (scattered(seed) for seed in range(100, 104))
    ]
    assert np.mean(scores) > 0.7


def test_labels_are_int32_in_raster_order_and_blank_images_have_none(trained):
    labels = found(trained[0], photograph(discs([(20, 90), (60, 30), (100, 100)])))
    assert labels.dtype == np.int32 and labels.max() == 3
    assert [labels[20, 90], labels[60, 30], labels[100, 100]] == [1, 2, 3]
    for value in (0, 200):
        assert found(trained[0], np.full((1, 60, 60), value, np.uint8)).max() == 0


def test_lengths_are_in_micrometres(trained):
    truth = discs([(20, 90), (60, 30), (100, 100)])
    large = np.kron(truth, np.ones((3, 3), int))
    labels = found(trained[0], photograph(large), microns_per_pixel=0.5 / 3)
    assert labels.shape == large.shape and labels.max() == 3
    assert score(large, labels, [0.7]).TP[0] == 3


def test_masks_do_not_depend_on_gain_offset_or_threads(trained):
    image = photograph(scattered(5)).astype(float)
    labels = found(trained[0], image)
    assert labels.max() > 5
    assert np.mean(found(trained[0], 0.01 * image - 7) != labels) < 0.002
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 2)
    try:
        assert np.array_equal(found(trained[0], image), labels)
        assert torch.get_num_threads() == threads + 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (7, 40), (40, 41)])
@pytest.mark.parametrize("microns", [0.05, 1.0, 8.0])
def test_tiny_images_survive_any_pixel_size(trained, shape, microns):
    image = np.random.default_rng(0).integers(0, 255, (1, *shape)).astype(np.uint8)
    assert found(trained[0], image, microns_per_pixel=microns).shape == shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nuclear_channel": "dan"}, "'dan'.*did you mean 'dna'"),
        ({"microns_per_pixel": 0}, "microns_per_pixel 0"),
    ],
)
def test_bad_settings_are_named(trained, changes, message):
    with pytest.raises(InputError, match=message):
        found(trained[0], photograph(scattered(0)), **changes)


def test_a_seed_fixes_the_bytes_and_leaves_the_global_generators_alone():
    drawn = [scene(seed) for seed in range(3)]
    np.random.seed(3)  # noqa: NPY002
    torch.manual_seed(3)
    expected = np.random.RandomState(3).random(), torch.rand(1, generator=torch.manual_seed(3))
    torch.manual_seed(3)
    first, _ = small.train(drawn, epochs=1, scenes_per_epoch=4)
    assert np.random.random() == expected[0] and torch.rand(1) == expected[1]  # noqa: NPY002
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    again, _ = small.train(drawn, epochs=1, scenes_per_epoch=4)
    torch.set_num_threads(threads)
    other, _ = small.train(drawn, epochs=1, scenes_per_epoch=4, seed=1)
    assert first == again and first != other


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "text"])
def test_a_checkpoint_that_does_not_fit_is_refused(damage):
    file = io.BytesIO()
    torch.save(small.SmallUNet().state_dict(), file)
    whole = file.getvalue()
    small.load(whole)
    other = io.BytesIO()
    torch.save({"W2": torch.zeros(1)}, other)
    content = {"empty": b"", "cut": whole[:-500], "other": other.getvalue(), "text": b"a" * 99}
    with pytest.raises(InputError, match="does not fit.*the whole checkpoint of a small network"):
        small.load(content[damage])


def test_views_ignore_gain_offset_and_hot_pixels_and_are_empty_for_even_planes():
    plane = photograph(discs([(30, 30), (90, 90)]))[0].astype(float)
    usual = small.views(plane, 16.0)
    assert usual.shape == (3, 128, 128) and usual.dtype == np.float32
    assert usual[0, 30, 30] == pytest.approx(1, abs=0.1) and usual[0].min() == 0
    assert np.allclose(usual[1], np.sqrt(usual[0]))
    assert np.allclose(small.views(3 * plane - 500, 16.0), usual, atol=1e-5)
    plane[5, 5] = 60_000
    assert np.abs(small.views(plane, 16.0)[0, 20:, 20:] - usual[0, 20:, 20:]).max() < 0.15
    assert not small.views(np.full((20, 20), 7.0), 16.0).any()


def test_the_local_view_lifts_dim_nuclei_among_bright_ones():
    truth = discs([(25, 25), (100, 100)])
    plane = np.where(truth == 1, 100.0, 0.0) + np.where(truth == 2, 1000.0, 0.0)
    linear, _, local = small.views(plane, 16.0)
    assert linear[25, 25] < 0.15 and local[25, 25] > 0.6


@pytest.fixture(scope="module")
def drawn():
    return list(scenes(3, size=80))


def test_scenes_come_empty_sparse_and_crowded_with_nuclei_that_touch(drawn):
    counts = np.array([one.nuclei.max() for one in drawn])
    covered = np.array([np.mean(one.nuclei > 0) for one in drawn])
    assert (counts == 0).sum() >= 8 and covered.max() > 0.4 and np.median(counts) > 5
    touching = [
        np.sum((one.nuclei[1:] != one.nuclei[:-1]) & (one.nuclei[1:] * one.nuclei[:-1] > 0))
        for one in drawn
    ]
    assert np.mean(np.array(touching) > 5) > 0.3


def test_nuclei_of_scenes_are_bright_numbered_and_about_as_wide_as_said(drawn):
    widths = []
    for one in drawn:
        inside = one.nuclei > 0
        assert one.plane.dtype == np.float32 and one.nuclei.dtype == np.int32
        assert np.array_equal(np.unique(one.nuclei[inside]), np.arange(1, one.nuclei.max() + 1))
        if inside.any():
            assert one.plane[inside].mean() > 2 * one.plane[~inside].mean()
            widths.append(np.sqrt(4 / np.pi * np.median(np.bincount(one.nuclei[inside])[1:])))
    assert 0.6 * DIAMETER < np.median(widths) < 1.2 * DIAMETER


def test_scenes_follow_their_seed(drawn):
    again, other = next(scenes(3, size=80)), next(scenes(4, size=80))
    assert np.array_equal(again.plane, drawn[0].plane)
    assert not np.array_equal(other.plane, drawn[0].plane)


def test_looks_differ_follow_their_seed_and_keep_nuclei_brighter(drawn):
    crowded = max(drawn, key=lambda one: one.nuclei.max())
    looks = [dress(crowded, np.random.default_rng(seed)) for seed in range(12)]
    assert np.array_equal(looks[0], dress(crowded, np.random.default_rng(0)))
    assert len({look.tobytes() for look in looks}) == 12
    inside = crowded.nuclei > 0
    assert all(look[inside].mean() > look[~inside].mean() for look in looks)
    assert all(np.isfinite(dress(drawn[-1], np.random.default_rng(s))).all() for s in range(12))


def forbid(*_, **__):
    raise AssertionError("another network was about to be loaded or downloaded")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder of weights, no hub, and a trap for every network that is not asked for."""
    monkeypatch.setattr(models, "MODEL_DIR", tmp_path)
    monkeypatch.setattr(models, "CellposeModel", forbid)
    monkeypatch.setattr(models.utils, "download_url_to_file", forbid)
    return tmp_path


def test_a_mistyped_network_is_refused_with_what_was_meant(folder):
    with pytest.raises(InputError, match=r"network 'cpsam_v3'.*did you mean 'cpsam_v2'"):
        cellpose.load("cpsam_v3")
    with pytest.raises(InputError, match="no file 'nothing/here'.*a file of weights"):
        cellpose.load("file:nothing/here")


def test_no_hub_and_no_file_say_where_it_was_looked_for(folder, monkeypatch):
    def unreachable(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(models.utils, "download_url_to_file", unreachable)
    with pytest.raises(InputError, match=f"cpsam_v2 not in {folder}.*no route"):
        cellpose.load("cpsam_v2")


@pytest.mark.parametrize("content", ["cut", "text", "other", "few", "not tensors"])
@pytest.mark.parametrize("named", [True, False])
def test_a_damaged_or_foreign_file_is_refused(folder, content, named):
    path = folder / "cpsam_v2"
    if content == "other":
        torch.save(small.SmallUNet().state_dict(), path)
    elif content == "few":
        torch.save({"W2": torch.eye(192).reshape(192, 3, 8, 8)}, path)
    elif content == "not tensors":
        torch.save({"W2": "weights"}, path)
    else:
        torch.save({"W2": torch.zeros(5000)}, path)
        path.write_bytes(path.read_bytes()[:-2000] if content == "cut" else b"<html>404</html>")
    problem = r"of which \d+ fit" if content in ("other", "few") else "cannot be read"
    with pytest.raises(InputError, match=f"{path}.*{problem}"):
        cellpose.load("cpsam_v2" if named else f"file:{path}")


class Recorder:
    """Stands for a loaded network: keeps what it was given, answers with given masks."""

    def __init__(self, masks):
        self.masks = masks

    def eval(self, pixels, **arguments):
        self.pixels, self.arguments = pixels, arguments
        return self.masks, None, None


def test_the_published_network_gets_one_plane_or_the_colours_and_a_diameter_in_pixels():
    masks = np.zeros((50, 60), np.uint16)
    masks[30:40, 5:15], masks[5:15, 30:40] = 4, 9
    recorder = Recorder(masks)
    network = cellpose.Published(recorder, "stand-in", "", "cpu", "float32")
    image = np.random.default_rng(0).integers(0, 255, (3, 50, 60)).astype(np.uint8)
    asked = {"microns_per_pixel": 0.5, "nucleus_diameter": 7.0, "network": network}
    colours = {"channels": ("red", "green", "blue")}
    labels = cellpose.segment(image, **asked, **colours, nuclear_channel="haematoxylin")
    assert np.array_equal(recorder.pixels, np.moveaxis(image, 0, -1))
    assert recorder.arguments["diameter"] == 14 and recorder.arguments["channel_axis"] == -1
    assert labels.dtype == np.int32 and labels[10, 35] == 1 and labels[35, 10] == 2
    stains = {"channels": ("actin", "dna", "haematoxylin")}
    for channel, number in (("dna", 1), ("haematoxylin", 2)):
        cellpose.segment(image, **asked, **stains, nuclear_channel=channel)
        assert np.array_equal(recorder.pixels[..., 0], image[number])
        assert recorder.pixels.shape == (50, 60, 1)
    with pytest.raises(InputError, match="nucleus_diameter -1"):
        cellpose.segment(
            image, **(asked | colours | {"nucleus_diameter": -1}), nuclear_channel="red"
        )


BUILD = f"""
import sys; sys.path.insert(0, {str(SCRIPTS)!r})
import numpy as np, torch
from cellpose import models
torch.manual_seed(0)
torch.save(models.CPSAM().state_dict(), models.MODEL_DIR / "cpsam_v2")
from twinscope.segmentation import cellpose
network = cellpose.load("cpsam_v2")
image = np.random.default_rng(0).integers(0, 255, (1, 64, 64)).astype(np.uint8)
asked = dict(channels=("dna",), nuclear_channel="dna", microns_per_pixel=0.5)
labels = cellpose.segment(image, **asked, nucleus_diameter=15.0, network=network)
print(network.sha256, network.device, network.precision, labels.dtype, *labels.shape)
"""


@pytest.mark.slow
def test_the_whole_architecture_is_loaded_from_the_folder_and_runs(tmp_path):
    """Random weights of the true shapes (1.2 GB on disk, several GB of memory, a minute)."""
    environment = {**os.environ, "CELLPOSE_LOCAL_MODELS_PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", BUILD], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.split()[-6:]
    with (tmp_path / "cpsam_v2").open("rb") as file:
        assert said[0] == hashlib.file_digest(file, "sha256").hexdigest()
    assert said[1] in ("cuda", "mps", "cpu") and said[2:] == ["bfloat16", "int32", "64", "64"]
