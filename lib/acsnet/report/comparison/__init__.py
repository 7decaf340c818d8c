"""Two scans of one patient: what changed, and the pages of that."""
