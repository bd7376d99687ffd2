"""What several tests need: schemas, refusals, image files, labelled features."""

import io
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from twinscope.errors import InputError

SCHEMAS = Path(__file__).parents[2] / "workflow/schemas"


@pytest.fixture(scope="session")
def schema():
    """The schema of a table by name."""
    return lambda name: yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def refused():
    """Expect an InputError that names a place and says certain words."""

    @contextmanager
    def expect(*words, **places):
        with pytest.raises(InputError) as caught:
            yield caught
        error = caught.value
        for place, value in places.items():
            assert str(getattr(error, place)) == str(value), f"{place} in: {error}"
            assert str(value) in str(error)
        for word in words:
            assert word in str(error)

    return expect


@pytest.fixture(scope="session")
def tiff():
    """Bytes of a TIFF."""
    import tifffile

    def write(image, **arguments):
        file = io.BytesIO()
        tifffile.imwrite(file, image, **arguments)
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def picture():
    """Bytes of what Pillow writes."""
    from PIL import Image

    def write(image, kind="png", mode=None, **arguments):
        file = io.BytesIO()
        made = image if isinstance(image, Image.Image) else Image.fromarray(image)
        (made.convert(mode) if mode else made).save(file, kind, **arguments)
        return file.getvalue()

    return write


@pytest.fixture
def folds():
    """A task's folds: 120 items of 3 classes in 24 groups, 4 folds that keep groups whole."""
    number = np.arange(120)
    group = number // 5
    return pd.DataFrame(
        {
            "item": [f"i{n:03d}" for n in number],
            "key": [f"i{n:03d}" for n in number],
            "label": np.array(["a", "b", "c"])[(number * 7) % 3],
            "group": [f"g{g:02d}" for g in group],
            "fold": group % 4,
        }
    )


@pytest.fixture
def planted(folds):
    """Features of the folds' items: noise, with the label added at a given strength."""

    def make(strength, seed=0, dimensions=8):
        rng = np.random.default_rng(seed)
        values = rng.standard_normal((len(folds), dimensions))
        for column, label in enumerate(("a", "b", "c")):
            values[:, column] += strength * (folds["label"] == label)
        return values

    return make
