"""Quantification: volumes, core scar and grey zone, AHA segments, transmurality, texture."""
