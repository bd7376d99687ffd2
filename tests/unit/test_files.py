import io
import weakref

import numpy as np
import pandas as pd
import pytest
import tifffile

from twinscope import files

CHANNELS = ["DNA", "Mito 2"]


def stack(count=3, dtype=np.uint16, shape=(2, 12, 17)):
    rng = np.random.default_rng(0)
    images = rng.random((count, *shape)) * (1 if np.dtype(dtype).kind == "f" else 250)
    return images.astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(2, 12, 17), (1, 12, 17), (3, 8, 8)])
@pytest.mark.parametrize("count", [1, 3])
def test_a_stack_comes_back_as_it_was(tmp_path, dtype, shape, count):
    images = stack(count, dtype, shape)
    path = tmp_path / "a b.tif"
    files.write_stack(path, iter(images), count, [f"c{k}" for k in range(shape[0])])
    read = files.Stack(path)
    assert len(read) == count and (read.channels, read.height, read.width) == shape
    np.testing.assert_array_equal(np.stack(list(read)), images)
    assert read[0].dtype == dtype


def test_a_stack_is_an_ome_tiff_that_others_can_read(tmp_path):
    images = stack()
    files.write_stack(tmp_path / "a.tif", images, 3, CHANNELS)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.is_ome and tiff.series[0].axes == "TCYX"
        np.testing.assert_array_equal(tiff.asarray(), images)
        for name in CHANNELS:
            assert f'Name="{name}"' in tiff.ome_metadata
        assert tiff.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_a_stack_is_read_lazily_from_either_end_and_not_beyond(tmp_path):
    images = stack()
    files.write_stack(tmp_path / "a.tif", images, 3, CHANNELS)
    read = files.Stack(tmp_path / "a.tif")
    np.testing.assert_array_equal(read[2], images[2])
    np.testing.assert_array_equal(read[-1], images[2])
    np.testing.assert_array_equal(read[0], images[0])
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            read[beyond]
    # Only what is asked for is decoded: damage elsewhere does not matter.
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        start = tiff.pages[4].dataoffsets[0]
        end = start + tiff.pages[4].databytecounts[0]
    content[start:end] = bytes(end - start)
    (tmp_path / "b.tif").write_bytes(content)
    damaged = files.Stack(tmp_path / "b.tif")
    np.testing.assert_array_equal(damaged[0], images[0])
    with pytest.raises(Exception, match=r"(?i)zlib|deflate|data"):
        damaged[2]


def test_a_stack_is_written_without_keeping_its_images(tmp_path):
    seen, alive = [], []

    def images():
        for number in range(30):
            alive.append(sum(ref() is not None for ref in seen))
            image = np.full((2, 12, 17), number, np.uint16)
            seen.append(weakref.ref(image))
            yield image

    files.write_stack(tmp_path / "a.tif", images(), 30, CHANNELS)
    assert [image[0, 0, 0] for image in files.Stack(tmp_path / "a.tif")] == list(range(30))
    assert max(alive) <= 10


def test_labels_come_back_as_they_were(tmp_path):
    masks = np.zeros((2, 40, 30), np.int64)
    masks[0] = np.arange(1200).reshape(40, 30)
    masks[1, 3, 4] = 65535
    files.write_labels(tmp_path / "m.tif", iter(masks), 2)
    read = files.Labels(tmp_path / "m.tif")
    assert read[0].shape == (40, 30)
    np.testing.assert_array_equal(np.stack(list(read)), masks)
    blank = np.zeros((1, 8, 8), np.int32)
    files.write_labels(tmp_path / "none.tif", blank, 1)
    assert files.Labels(tmp_path / "none.tif")[0].max() == 0


def test_more_labels_than_16_bits_hold_are_refused(tmp_path, refused):
    masks = np.zeros((2, 300, 300), np.int32)
    masks[1].flat[:65537] = np.arange(65537)
    with refused("65536 nuclei in one image", "a tile size"):
        files.write_labels(tmp_path / "m.tif", masks, 2)


def index():
    return pd.DataFrame(
        {
            "item": ["001", "b c", "µ/x.tif", "nan"],
            "label": ["", "NA", "None", "5 %"],
            "control": [True, False, False, True],
            "position_row": [1.0, np.nan, 2.5, -0.0],
            "count": [1, 2, 3, 2**40],
        }
    )


def test_an_index_comes_back_as_it_was(tmp_path):
    files.write_index(tmp_path / "i.parquet", index())
    pd.testing.assert_frame_equal(files.read_index(tmp_path / "i.parquet"), index())


def test_rows_in_any_order_keep_no_row_names(tmp_path):
    files.write_index(tmp_path / "i.parquet", index().iloc[[2, 0]])
    assert files.read_index(tmp_path / "i.parquet").index.tolist() == [0, 1]


def test_a_tidy_table_comes_back_with_names_as_text(tmp_path):
    table = pd.DataFrame(
        {
            "item": ["001", "2", "nan"],
            "path": ["a b.tif", "1", ""],
            "representation": ["7", "007", "x"],
            "value": [0.5, np.nan, 1e-12],
            "bytes": [1, 2, 3],
            "reason": ["", "only\ttab", 'a "quoted" word'],
        }
    )
    files.write_tsv(tmp_path / "t.tsv", table)
    pd.testing.assert_frame_equal(files.read_tsv(tmp_path / "t.tsv"), table)


def test_a_table_without_rows_comes_back_with_its_columns(tmp_path):
    files.write_tsv(tmp_path / "t.tsv", pd.DataFrame(columns=["task", "flag", "detail"]))
    read = files.read_tsv(tmp_path / "t.tsv")
    assert list(read) == ["task", "flag", "detail"] and read.empty


def test_numbers_are_written_with_ten_digits(tmp_path):
    table = pd.DataFrame({"value": [1 / 3, 1 / 3 + 1e-14]})
    files.write_tsv(tmp_path / "t.tsv", table)
    assert files.read_text(tmp_path / "t.tsv") == "value\n0.3333333333\n0.3333333333\n"


def features(path, obs=None, values=None, **changes):
    obs = index() if obs is None else obs
    values = np.arange(2.0 * len(obs)).reshape(-1, 2) / 3 if values is None else values
    made = {"row": {"b": 1}, "versions": {}, **changes}
    files.write_features(path, values, obs, ["f0", "f1"], made)
    return files.read_features(path)


def test_features_come_back_with_items_and_provenance(tmp_path):
    folder = tmp_path / "plates" / "features"
    folder.mkdir(parents=True)
    data = features(folder / "net.h5ad")
    assert data.X.dtype == np.float32
    np.testing.assert_array_equal(data.X, np.float32(np.arange(8).reshape(4, 2) / 3))
    assert data.obs_names.tolist() == data.obs["item"].tolist() == index()["item"].tolist()
    assert data.var_names.tolist() == ["f0", "f1"]
    assert data.obs["label"].astype(str).tolist() == index()["label"].tolist()
    assert data.obs["control"].dtype == bool
    np.testing.assert_array_equal(data.obs["position_row"], index()["position_row"])
    assert files.read_provenance(folder / "net.h5ad") == {
        "dataset": "plates",
        "representation": "net",
        "row": {"b": 1},
        "versions": {},
    }


def test_names_of_columns_that_hdf5_and_anndata_keep_for_themselves(tmp_path):
    odd = index().assign(**{"index": 1.0, "_index": 2.0, "µg/ml": 3.0, "a b": "x"})
    data = features(tmp_path / "f.h5ad", odd)
    assert data.obs["index"].tolist() == [1.0] * 4
    assert data.obs["index_"].tolist() == [2.0] * 4
    assert data.obs["µg_ml"].tolist() == [3.0] * 4
    assert data.obs["a b"].tolist() == ["x"] * 4


def test_features_that_do_not_fit_their_items_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 rows of features for 4 items"):
        features(tmp_path / "f.h5ad", values=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="item twice: 'x'"):
        features(tmp_path / "f.h5ad", index().assign(item=["x", "y", "z", "x"]))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: files.write_stack(path, stack(), 3, CHANNELS),
        lambda path: files.write_labels(path, stack()[:, 0], 3),
        lambda path: files.write_index(path, index()),
        lambda path: files.write_tsv(path, index()),
        lambda path: features(path),
    ],
)
def test_equal_content_gives_equal_bytes(tmp_path, write, monkeypatch):
    paths = [tmp_path / "one" / "x", tmp_path / "two" / "other"]
    for year, path in enumerate(paths):
        path.parent.mkdir()
        monkeypatch.setattr("time.time", lambda year=year: 1.7e9 + 4e7 * year)
        write(path)
    assert files.sha256(paths[0]) == files.sha256(paths[1])


TABLE = "path,label,n\nimg/a b.tif,NA,01\nimg/b.tif,None,2\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", TABLE.encode()),
        ("t.CSV", TABLE.encode()),
        ("t.csv", b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode()),
        ("t.csv", TABLE.replace("label", " label ").replace("NA", '"NA"').encode()),
        ("t.csv", TABLE.rstrip("\n").encode()),
        ("t.tsv", TABLE.replace(",", "\t").encode()),
        ("t.tab", TABLE.replace(",", "\t").encode()),
    ],
)
def test_cells_of_a_users_table_are_text_as_it_stands(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    table = files.read_table(tmp_path / name)
    assert list(table) == ["path", "label", "n"]
    assert table["path"].tolist() == ["img/a b.tif", "img/b.tif"]
    assert table["label"].tolist() == ["NA", "None"]
    assert table["n"].tolist() == ["01", "2"]
    assert table.index.tolist() == [0, 1]


def test_rows_keep_the_number_of_their_line(tmp_path):
    (tmp_path / "t.csv").write_text('path,note\n\na,"two\nlines"\n,\nb,x\nc\n')
    table = files.read_table(tmp_path / "t.csv")
    assert table["path"].tolist() == ["a", "b", "c"]
    assert (table.index + 2).tolist() == [4, 6, 7]
    assert table["note"].tolist() == ["two\nlines", "x", ""]


def test_a_parquet_table(tmp_path):
    table = pd.DataFrame({"path": ["a", "b"], "n": [1, 2], "ok": [True, False]}, index=[7, 9])
    table.to_parquet(tmp_path / "t.parquet")
    read = files.read_table(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read, table.reset_index(drop=True))
    table.set_index("path").to_parquet(tmp_path / "named.parquet")
    named = files.read_table(tmp_path / "named.parquet")
    pd.testing.assert_frame_equal(named, table.reset_index(drop=True))


@pytest.mark.parametrize(
    ("name", "content", "words", "row"),
    [
        ("t.csv", b"path,label\na,x\n\nb,x,1\n", ["3 cells", "2, as in the header"], 4),
        ("t.csv", b"path,label,path\na,x,b\n", ["'path' twice"], None),
        ("t.csv", b"path,label\na,\xff\xfe\n", ["a readable table"], None),
        ("t.csv", b'path,label\n"a,x\n', ["a readable table"], None),
        ("t.parquet", b"path,label\n", ["a readable table"], None),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path, name, content, words, row, refused):
    (tmp_path / name).write_bytes(content)
    place = {"row": row} if row else {}
    with refused(*words, file=tmp_path / name, **place):
        files.read_table(tmp_path / name)


def test_tables_that_are_not_there(tmp_path, refused):
    with refused("no such file", file=tmp_path / "x.csv"):
        files.read_table(tmp_path / "x.csv")
    with refused("no such file", file=tmp_path / "x.tsv"):
        files.read_config(tmp_path / "x.tsv")


def test_text_and_schemas(tmp_path):
    files.write_text(tmp_path / "x.yaml", "required: [µm]\n")
    assert files.read_text(tmp_path / "x.yaml") == files.read_config(tmp_path / "x.yaml")
    assert files.read_schema(tmp_path / "x.yaml") == {"required": ["µm"]}


def test_tables_one_below_the_other():
    empty = pd.DataFrame({"item": [], "n": []}, dtype=object)
    full = pd.DataFrame({"item": ["a"], "n": [1]}, index=[5])
    both = files.concatenate(iter([empty, full, full]))
    assert both["n"].tolist() == [1, 1] and both["n"].dtype == int
    assert both.index.tolist() == [0, 1]
    assert list(files.concatenate([empty, empty])) == ["item", "n"]


@pytest.fixture
def originals(tmp_path, tiff):
    """Two items of two files each, in a folder with a space, listed in reverse."""
    root = tmp_path / "my images"
    root.mkdir()
    images = stack(2, np.uint8)
    for name, image in zip("ab", images, strict=True):
        for channel in range(2):
            (root / f"{name} {channel}.tif").write_bytes(tiff(image[channel]))
    table = pd.DataFrame({"item": ["002", "001"], "microns_per_pixel": 0.5})
    table["path:0"], table["path:1"] = ["b 0.tif", "a 0.tif"], ["b 1.tif", "a 1.tif"]
    return root, table, images


def test_a_manifest_lists_every_file(originals, tmp_path):
    root, table, images = originals
    manifest = files.manifest(root, table, ["path:0", "path:1"])
    assert manifest["item"].tolist() == ["002", "002", "001", "001"]
    assert manifest["part"].tolist() == [0, 1, 0, 1]
    assert manifest["path"].tolist() == ["b 0.tif", "b 1.tif", "a 0.tif", "a 1.tif"]
    for row in manifest.itertuples():
        content = (root / row.path).read_bytes()
        assert row.bytes == len(content) and row.sha256 == files.sha256(root / row.path)
    assert manifest["sha256"].is_unique and manifest["sha256"].str.len().eq(64).all()
    # As the next job gets it: from a file, where 001 must not become 1.
    files.write_tsv(tmp_path / "m.tsv", manifest)
    read = files.read_tsv(tmp_path / "m.tsv")
    sizes = files.image_sizes(root, read)
    assert sizes[["item", "height", "width"]].values.tolist() == [["002", 12, 17], ["001", 12, 17]]
    found = list(files.read_images(root, read))
    assert [item for item, _, _ in found] == ["001", "002"]
    np.testing.assert_array_equal(np.stack([image for *_, image in found]), images)


def test_a_file_that_is_not_there(originals, refused):
    root, table, _ = originals
    files.check_present(root, table, "images.csv")
    (root / "a 1.tif").unlink()
    with refused("'a 1.tif'", file="images.csv", row="001", column="image"):
        files.check_present(root, table, "images.csv")
    rows = pd.DataFrame({"item": ["001"], "part": [0], "path": ["a 1.tif"]})
    rows["microns_per_pixel"] = 1.0
    for read in (files.image_sizes, lambda *given: list(files.read_images(*given))):
        with refused("no such file", file="a 1.tif", row="001"):
            read(root, rows)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (np.ones((12, 18), np.uint8), "sizes [(12, 17), (12, 18)]"),
        (np.ones((12, 17), np.uint16), "types ['uint16', 'uint8']"),
    ],
)
def test_channels_that_differ_in_size_or_type(originals, tiff, other, words, refused):
    root, table, _ = originals
    (root / "b 1.tif").write_bytes(tiff(other))
    manifest = files.manifest(root, table, ["path:0", "path:1"])
    with refused(words, file="b 1.tif", row="002", column="image"):
        list(files.read_images(root, manifest))
