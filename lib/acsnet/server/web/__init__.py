"""HTTP middleware: access, limits, logs, metrics."""
