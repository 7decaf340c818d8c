"""Fit and check of the intervals of single scans and of changes."""
