"""Images through a network: fixed batches in, one vector an image out, and each only once."""

from twinscope.embedding.devices import best_device, keep_memory
from twinscope.embedding.engine import Embedded, embed
from twinscope.embedding.keys import provenance

__all__ = ["Embedded", "best_device", "embed", "provenance"]

# Before libraries that have threads of their own are imported.
keep_memory()
