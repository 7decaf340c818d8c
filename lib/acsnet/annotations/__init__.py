"""Labels that people drew: versions, checks, agreement, reading details, and the audit log."""
