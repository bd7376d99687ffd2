"""Families of data sets: where images come from, and what is known of each."""
