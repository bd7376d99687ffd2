"""Retrieval: who finds whom among which others, tested by permutation."""
