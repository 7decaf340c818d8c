"""Active learning: scores of a scan, acquisition of the next one, assignments to readers."""
