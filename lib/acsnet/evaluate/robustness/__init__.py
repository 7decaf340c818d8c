"""Robustness against harmless changes of a scan: `acsnet evaluate --stress`."""
