"""Uncertainty: samples of the networks, and intervals of the measures."""
