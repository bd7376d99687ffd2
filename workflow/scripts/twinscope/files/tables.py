"""Tables and texts: the user's, the study's, and its schemas."""

import csv
import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import yaml

from twinscope.errors import InputError

# Columns of the study's own tables that hold names and sentences, never numbers.
TEXT = (
    *("item", "path", "dataset", "task", "representation", "role", "family", "of", "against"),
    *("scope", "verdict", "alignment", "probe", "metric", "chosen", "reason", "flag", "detail"),
    *("class", "feature", "seen", "expected", "unit", "segmentation"),
)


def read_index(path: str | Path) -> pd.DataFrame:
    """Read a table of items, tiles or cells.

    Without Arrow's threads: a pool that is still starting when a short job ends can abort it.
    """
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path, pre_buffer=False) as file:
        return file.read(use_threads=False).to_pandas(use_threads=False)


def write_index(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table of items, tiles or cells."""
    from pyarrow import Table
    from pyarrow.parquet import write_table

    write_table(Table.from_pandas(table, preserve_index=False, nthreads=1), path)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a user's table, CSV, TSV or parquet, each cell as it stands.

    Cells of a CSV or TSV are text: a plate 001 stays 001, and NA stays NA. The index counts from
    0 at the line below the header, and counts blank lines although they are left out.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such file", "the table of images (CSV, TSV or parquet)", path)
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    try:
        if suffix == ".parquet":
            table = read_index(path)
            return table.reset_index(drop=table.index.names == [None]).rename(columns=str)
        return _read_cells(path, "\t" if suffix in (".tsv", ".tab") else ",")
    except InputError:
        raise
    except (ValueError, OSError, csv.Error) as error:
        raise InputError(str(error).splitlines()[0], "a readable table", path) from error


def read_tsv(path: str | Path) -> pd.DataFrame:
    """Read one of the study's own tables; names stay text even if they are all digits."""
    as_text = dict.fromkeys(TEXT, str)
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=["nan"], converters=as_text)


def write_tsv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a tidy table; numbers with ten digits, so that equal runs give equal bytes."""
    table.to_csv(path, sep="\t", index=False, float_format="%.10g", na_rep="nan")


def read_text(path: str | Path) -> str:
    """Read a text file."""
    return Path(path).read_text(encoding="utf-8")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file."""
    Path(path).write_text(text, encoding="utf-8")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file that was made in memory, such as a picture."""
    Path(path).write_bytes(data)


class Contents(Mapping):
    """Files by name, each read when it is asked for."""

    def __init__(self, paths: Mapping[str, str | Path]):
        self._paths = dict(paths)

    def __getitem__(self, name: str) -> bytes:
        """Read one file."""
        return read_bytes(self._paths[name])

    def __iter__(self):
        """Go through the names."""
        return iter(self._paths)

    def __len__(self) -> int:
        """Count the files."""
        return len(self._paths)


def texts(names: Iterable[str], paths: Iterable[str | Path]) -> dict[str, str]:
    """Read text files by name."""
    return {name: read_text(path) for name, path in zip(names, paths, strict=True)}


def read_bytes(path: str | Path) -> bytes:
    """Read a file as it is."""
    return Path(path).read_bytes()


def write_json(path: str | Path, values: Mapping) -> None:
    """Write a small JSON document, keys sorted."""
    write_text(path, json.dumps(values, indent=1, sort_keys=True) + "\n")


def read_config(path: str | Path) -> str:
    """Read a table of the study as text.

    Raises
    ------
    InputError
        If there is no such file.
    """
    if not Path(path).is_file():
        raise InputError("no such file", "a table of the study", path)
    return read_text(path)


def read_schema(path: str | Path) -> dict:
    """Read a YAML schema."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def concatenate(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables one below the other; those without rows add nothing, not even types."""
    tables = list(tables)
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _read_cells(path: Path, separator: str) -> pd.DataFrame:
    lines, rows = [], []
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        header = [name.strip() for name in next(reader, [])]
        for cells in reader:
            if len(cells) > len(header):
                expected = f"{len(header)}, as in the header"
                raise InputError(f"{len(cells)} cells", expected, path, reader.line_num)
            if any(cell.strip() for cell in cells):
                lines.append(reader.line_num - 2)
                rows.append(cells + [""] * (len(header) - len(cells)))
    for column in header:
        if header.count(column) > 1:
            raise InputError(f"the column {column!r} twice", "each column once", path)
    return pd.DataFrame(rows, lines, header, dtype=object)
