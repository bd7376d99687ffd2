import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from twinscope import decoding


def image(*shape, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def decoded(content):
    array = decoding.decode(io.BytesIO(content), "a.img", "item-1")
    assert decoding.size(io.BytesIO(content), "a.img", "item-1") == array.shape[1:]
    assert array.dtype.isnative
    return array


def same(content, expected):
    array = decoded(content)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_tiff_of_one_plane(tiff, dtype):
    plane = image(12, 17, dtype=dtype)
    same(tiff(plane), plane[None])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_with_planes_of_channels(tiff, dtype):
    planes = image(5, 12, 17, dtype=dtype)
    same(tiff(planes, photometric="minisblack"), planes)
    same(tiff(planes, photometric="minisblack", metadata={"axes": "CYX"}), planes)
    same(tiff(planes, photometric="minisblack", imagej=True, metadata={"axes": "CYX"}), planes)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_with_interleaved_and_planar_colours(tiff, dtype):
    colours = image(12, 17, 3, dtype=dtype)
    same(tiff(colours, photometric="rgb"), np.moveaxis(colours, -1, 0))
    planar = np.ascontiguousarray(np.moveaxis(colours, -1, 0))
    same(tiff(planar, photometric="rgb", planarconfig="separate"), planar)


def test_ome_tiff(tiff):
    planes = image(5, 12, 17, dtype=np.uint16)
    channels = {"axes": "CYX", "Channel": {"Name": list("abcde")}, "PhysicalSizeX": 0.65}
    same(tiff(planes, ome=True, photometric="minisblack", metadata=channels), planes)
    # Microscopes write T and Z although there is one of each.
    same(tiff(planes[None, None], ome=True, metadata={"axes": "TZCYX"}), planes)
    same(tiff(planes[None, :, None], ome=True, metadata={"axes": "TCZYX"}), planes)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd"])
@pytest.mark.parametrize("predictor", [False, True])
def test_compressed_tiff(tiff, compression, predictor):
    plane = image(40, 33, dtype=np.uint16)
    same(tiff(plane, compression=compression, predictor=predictor), plane[None])


def test_tiff_in_tiles_in_big_endian_and_in_big_tiff(tiff):
    plane = image(40, 33, dtype=np.uint16)
    same(tiff(plane, tile=(16, 16), compression="zlib"), plane[None])
    same(tiff(plane, byteorder=">"), plane[None])
    same(tiff(plane, byteorder=">", compression="lzw", predictor=True), plane[None])
    same(tiff(plane, bigtiff=True), plane[None])
    same(tiff(plane.astype(np.float32), byteorder=">"), plane[None].astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_png(picture, dtype):
    plane = image(12, 17, dtype=dtype)
    same(picture(plane), plane[None])
    # A dark 16-bit image is a 16-bit image.
    same(picture(plane // 200), (plane // 200)[None])


def test_colour_png(picture):
    colours = image(12, 17, 3)
    same(picture(colours), np.moveaxis(colours, -1, 0))


@pytest.mark.parametrize("channels", [3, 4, 2])
def test_png_of_16_bit_keeps_them(channels):
    colours = image(12, 17, channels, dtype=np.uint16)
    if channels != 3:
        colours[..., -1] = 65535
    content = imagecodecs.png_encode(colours)
    expected = colours if channels == 3 else colours[..., :-1]
    same(content, np.moveaxis(expected, -1, 0))


def test_png_with_a_palette_becomes_colours(picture):
    shown = np.zeros((8, 8, 3), np.uint8)
    shown[:4] = (200, 10, 30)
    shown[:, 4:] = (5, 250, 60)
    content = picture(Image.fromarray(shown).quantize(4))
    assert Image.open(io.BytesIO(content)).mode == "P"
    same(content, np.moveaxis(shown, -1, 0))


def test_png_of_one_bit_is_black_and_white(picture):
    mask = image(8, 8) > 127
    same(picture(mask), (mask * np.uint8(255))[None])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_transparency_that_says_nothing_is_dropped(picture, mode):
    colours = image(12, 17, 3) if mode == "RGBA" else image(12, 17)
    opaque = Image.fromarray(colours).convert(mode)
    expected = np.moveaxis(colours, -1, 0) if mode == "RGBA" else colours[None]
    same(picture(opaque), expected)


def test_transparent_pixels_are_refused(picture, refused):
    hidden = image(12, 17, 4)
    hidden[..., 3] = 255
    hidden[3, 4, 3] = 254
    place = {"file": "a.img", "row": "item-1", "column": "image"}
    with refused("transparent", **place):
        decoding.decode(io.BytesIO(picture(hidden)), "a.img", "item-1")
    deep = imagecodecs.png_encode(hidden.astype(np.uint16) * 257)
    with refused("transparent", **place):
        decoding.decode(io.BytesIO(deep), "a.img", "item-1")
    palette = Image.fromarray(hidden[..., :3]).quantize(4)
    with refused("transparent", **place):
        decoding.decode(io.BytesIO(picture(palette, transparency=0)), "a.img", "item-1")


def test_jpeg_in_colour_grey_and_cmyk(picture):
    smooth = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8) * 4
    grey = decoded(picture(smooth, "jpeg", quality=98))
    assert grey.shape == (1, 24, 32)
    assert np.abs(grey[0].astype(int) - smooth).max() <= 4
    colours = np.stack([smooth, 255 - smooth, smooth // 2], axis=-1)
    rgb = decoded(picture(colours, "jpeg", quality=98, subsampling=0))
    assert rgb.shape == (3, 24, 32)
    assert np.abs(rgb.astype(int) - np.moveaxis(colours, -1, 0)).max() <= 8
    cmyk = decoded(picture(colours, "jpeg", mode="CMYK", quality=98, subsampling=0))
    assert cmyk.shape == (3, 24, 32)
    assert np.abs(cmyk.astype(int) - np.moveaxis(colours, -1, 0)).max() <= 16


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "ZCYX", "TCYX"])
def test_a_stack_in_z_or_time_is_refused(tiff, axes, refused):
    stack = image(*(3, 2)[: len(axes) - 2], 12, 17, dtype=np.uint16)
    content = tiff(stack, ome=True, photometric="minisblack", metadata={"axes": axes})
    with refused(f"axes {axes}", "one plane", file="a.img", row="item-1", column="image"):
        decoding.decode(io.BytesIO(content), "a.img", "item-1")


def test_a_tiff_with_a_palette_is_refused_for_it_holds_no_intensities(tiff, refused):
    colours = np.zeros((3, 256), np.uint16)
    content = tiff(image(12, 17), photometric="palette", colormap=colours)
    with refused("palette", row="item-1"):
        decoding.decode(io.BytesIO(content), "a.img", "item-1")


def cut(content, share):
    return content[: int(len(content) * share)]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    "kind", ["plain", "zlib", "lzw", "many", "ome", "png", "png16", "jpeg", "tiled"]
)
def test_a_truncated_image_is_refused(tiff, picture, kind, share, refused):
    deep = image(3, 64, 64, dtype=np.uint16)
    colours = image(64, 64, 3)
    content = {
        "plain": lambda: tiff(deep, photometric="minisblack"),
        "zlib": lambda: tiff(deep, photometric="minisblack", compression="zlib"),
        "lzw": lambda: tiff(deep, photometric="minisblack", compression="lzw"),
        "many": lambda: tiff(deep[0], rowsperstrip=8),
        "tiled": lambda: tiff(deep[0], tile=(16, 16), compression="zlib"),
        "ome": lambda: tiff(deep, ome=True, metadata={"axes": "CYX"}, compression="zlib"),
        "png": lambda: picture(colours),
        "png16": lambda: imagecodecs.png_encode(np.moveaxis(deep, 0, -1).copy()),
        "jpeg": lambda: picture(colours, "jpeg"),
    }[kind]()
    assert decoded(content).shape[1:] == (64, 64)
    with refused(file="a.img", row="item-1", column="image"):
        decoding.decode(io.BytesIO(cut(content, share)), "a.img", "item-1")


@pytest.mark.parametrize(
    "content", [b"", b"II", b"cell,label\na.tif,1\n", b"GIF89a" + bytes(40), b"\x00" * 64]
)
def test_what_is_no_image_is_refused(content, refused):
    for read in (decoding.decode, decoding.size):
        with refused("TIFF, PNG or JPEG", file="a.img", row="item-1", column="image"):
            read(io.BytesIO(content), "a.img", "item-1")


def test_damage_in_the_header_is_refused_when_the_size_is_read(tiff, picture, refused):
    for content in (tiff(image(12, 17)), picture(image(12, 17)), picture(image(9, 9), "jpeg")):
        with refused("cannot be decoded", file="a.img", row="item-1"):
            decoding.size(io.BytesIO(content[:10]), "a.img", "item-1")
