"""Figures of a study, one kind a file, each from tidy tables to the text of an SVG document."""
