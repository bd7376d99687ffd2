"""Kinds of representation: what a baseline knows, and how a verdict counts it."""

# What numbers about the cells and the pixels give, without any learning.
STRUCTURE = (
    *("count", "shape", "layout", "graph", "composition", "mask", "structure"),
    *("intensity", "pixels", "texture", "classical"),
)
# What the design of the experiment gives away.
SHORTCUT = ("shortcut",)
NULL = ("null",)
# What made the images, where it is known: the ceiling, against which nothing is judged.
TRUTH = ("truth",)
# True factors in known strength, judged as a model is, to check the verdicts.
PLANTED = "planted"
