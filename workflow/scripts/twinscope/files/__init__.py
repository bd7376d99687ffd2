"""All reading and writing of a study's own files; the only modules that know paths."""

from twinscope.files.features import read_features, read_provenance, write_features
from twinscope.files.originals import (
    check_present,
    image_sizes,
    manifest,
    read_images,
    read_masks,
    sha256,
    write_pictures,
)
from twinscope.files.stacks import Labels, Stack, write_labels, write_stack
from twinscope.files.tables import (
    concatenate,
    read_config,
    read_index,
    read_schema,
    read_table,
    read_text,
    read_tsv,
    write_bytes,
    write_index,
    write_text,
    write_tsv,
)

__all__ = [
    "Labels",
    "Stack",
    "check_present",
    "concatenate",
    "image_sizes",
    "manifest",
    "read_config",
    "read_features",
    "read_images",
    "read_index",
    "read_masks",
    "read_provenance",
    "read_schema",
    "read_table",
    "read_text",
    "read_tsv",
    "sha256",
    "write_bytes",
    "write_features",
    "write_index",
    "write_labels",
    "write_pictures",
    "write_stack",
    "write_text",
    "write_tsv",
]
