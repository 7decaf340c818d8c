"""Which scans are worth a reader's time: scores, acquisition, assignments. Research use only."""
