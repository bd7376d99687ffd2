"""The store of vectors: what was put in comes out whole, or not at all, whatever happened."""

import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from twinscope import files


def vector(number, width=5):
    return np.random.default_rng(number).random(width, dtype=np.float32)


def fill(folder, numbers, size=16, network="net"):
    shelves = files.Store(folder).of(network, size)
    for number in numbers:
        layers = {"block_01": vector(number, 3), "block_00": -vector(number, 2)}
        shelves.add(f"key{number}", size, vector(number), layers)
    shelves.flush()
    return shelves


def found(folder, number, size=16, network="net"):
    return files.Store(folder).of(network, size).get(f"key{number}", size)


def shards(folder):
    return sorted(folder.glob("net/*.npz"))


def test_what_was_put_in_comes_out(tmp_path):
    fill(tmp_path / "deep/store", range(7))
    shelves = files.Store(tmp_path / "deep/store").of("net", 16)
    for number in (3, 0, 6):
        values, layers = shelves.get(f"key{number}", 16)
        assert values.dtype == np.float32 and values.tolist() == vector(number).tolist()
        assert layers["block_01"].tolist() == vector(number, 3).tolist()
        assert layers["block_00"].tolist() == (-vector(number, 2)).tolist()
    assert shelves.get("key7", 16) is None


def test_networks_and_batch_sizes_are_kept_apart(tmp_path):
    fill(tmp_path, [1])
    assert found(tmp_path, 1, size=8) is None
    assert found(tmp_path, 1, network="other") is None
    assert found(tmp_path, 1) is not None


def test_no_folder_is_made_before_there_is_something_to_keep(tmp_path):
    assert found(tmp_path / "store", 1) is None
    files.Store(tmp_path / "store").of("net", 16).flush()
    assert not (tmp_path / "store").exists()
    assert files.open_store("none") is None
    assert isinstance(files.open_store(tmp_path), files.Store)


def test_several_jobs_write_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda job: fill(tmp_path, range(job, job + 20)), range(16)))
    assert all(found(tmp_path, number) is not None for number in range(35))
    assert not list(tmp_path.rglob("*.part"))
    # Two jobs that computed the same wrote the same shard.
    before = shards(tmp_path)
    fill(tmp_path, range(20))
    assert shards(tmp_path) == before


def test_shards_are_written_by_time_and_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr("twinscope.files.store.EVERY", 1e9)
    shelves = files.Store(tmp_path).of("net", 16)
    shelves.add("key1", 16, vector(1), {})
    assert not shards(tmp_path)
    monkeypatch.setattr("twinscope.files.store.LARGEST", 50)
    shelves.add("key2", 16, vector(2), {})
    shelves.add("key3", 16, vector(3), {})
    assert len(shards(tmp_path)) == 1
    monkeypatch.setattr("twinscope.files.store.EVERY", 0)
    shelves.add("key4", 16, vector(4), {})
    assert len(shards(tmp_path)) == 2


DAMAGE = {
    "empty": lambda data: b"",
    "torn": lambda data: data[: len(data) // 2],
    "short by one": lambda data: data[:-1],
    "no zip": lambda data: b"x" * len(data),
    "zeros within": lambda data: data[:900] + bytes(200) + data[1100:],
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_shard_is_ignored_with_one_warning(tmp_path, how):
    fill(tmp_path, range(300))
    fill(tmp_path, range(300, 600))
    fill(tmp_path, range(600, 900))
    for path in shards(tmp_path)[:2]:
        path.write_bytes(DAMAGE[how](path.read_bytes()))
    shelves = None
    with pytest.warns(UserWarning, match="computed anew") as said:
        shelves = files.Store(tmp_path).of("net", 16)
        values = [shelves.get(f"key{number}", 16) for number in range(900)]
    assert len(said) == 1
    assert sum(value is not None for value in values) == 300
    whole = [(n, value) for n, value in enumerate(values) if value is not None]
    assert all(value[0].tolist() == vector(n).tolist() for n, value in whole)


def test_every_byte_is_watched(tmp_path):
    """Whatever byte is changed, a vector is right or absent; never wrong."""
    fill(tmp_path, range(3))
    (path,) = shards(tmp_path)
    data = path.read_bytes()
    expected = [vector(number).tolist() for number in range(3)]
    lost = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in range(len(data)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
            for number in range(3):
                value = found(tmp_path, number)
                lost += value is None
                assert value is None or value[0].tolist() == expected[number], place
    assert lost > len(data)


def test_a_tampered_shard_is_ignored_though_its_zip_is_sound(tmp_path):
    fill(tmp_path, range(3))
    (path,) = shards(tmp_path)
    with np.load(path) as file:
        content = dict(file)
    content["vectors"][1] += 1
    np.savez(path, **content)
    with pytest.warns(UserWarning, match="checksum"):
        assert found(tmp_path, 1) is None


def test_code_in_a_shard_does_not_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    fill(tmp_path, range(3))
    (path,) = shards(tmp_path)
    with np.load(path) as file:
        content = dict(file)
    for name in ("keys", "vectors"):
        bad = {**content, name: np.array([Payload()] * 3, dtype=object)}
        np.savez(path, allow_pickle=True, **bad)
        with pytest.warns(UserWarning, match="allow_pickle"):
            assert found(tmp_path, 1) is None
    assert not (tmp_path / "ran").exists()


def test_what_a_killed_job_left_is_not_read_and_goes_after_a_day(tmp_path):
    fill(tmp_path, [1])
    old, young = tmp_path / "net/old.part", tmp_path / "net/young.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 2 * 24 * 3600))
    assert found(tmp_path, 1) is not None
    assert young.exists() and not old.exists()


def test_a_store_that_cannot_be_written_does_not_stop_a_job(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    shelves = files.Store(tmp_path / "store").of("net", 16)
    with pytest.warns(UserWarning, match="nothing more is stored") as said:
        for number in range(3):
            shelves.add(f"key{number}", 16, vector(number), {})
            shelves.flush()
        shelves.remember(8)
    assert len(said) == 1


def test_the_smallest_batch_size_is_remembered_for_what_was_asked(tmp_path):
    shelves = files.Store(tmp_path).of("net", "auto")
    assert shelves.remembered() is None
    for size in (64, 16, 32):
        shelves.remember(size)
    assert files.Store(tmp_path).of("net", "auto").remembered() == 16
    assert files.Store(tmp_path).of("net", 64).remembered() is None
