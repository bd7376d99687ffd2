"""Copy contact sheets into the manual, at most 1600 pixels wide."""

import sys
from pathlib import Path

from PIL import Image

WIDTH = 1600

for name in sys.argv[1:]:
    picture = Image.open(name)
    picture.thumbnail((WIDTH, 10 * WIDTH))
    target = Path(__file__).parent / "images" / Path(name).name
    picture.save(target, quality=80, optimize=True)
