"""Corrections by clicks and strokes: what a reader starts from, their state, and the tasks."""
