"""Confounders: how batches mix, and what is decoded that should not matter."""
