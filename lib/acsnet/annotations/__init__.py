"""Labels that people drew: versions, checks, agreement, and the audit log."""
