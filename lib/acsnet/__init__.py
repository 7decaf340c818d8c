"""Scar on late gadolinium enhancement cardiac MRI: segmentation and measures. Research use only."""

__version__ = "0.1.0"
