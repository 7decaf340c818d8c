"""Patients of EMIDEC's train list that no shipped network was trained on.

What is tried on a few patients only is tried on these, and the training loop's gate is; the test
list is for the figures of the docs. The model cards name them, too.
"""

LEFT_OUT = tuple(f"Case_{name}" for name in ("N023", "N058", "P015", "P051", "P071", "P093"))
