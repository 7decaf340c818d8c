"""Corrections by a click, a brush or strokes: the wall follows and stays possible."""
