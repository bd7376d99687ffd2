"""Regression: expression read from a representation."""
