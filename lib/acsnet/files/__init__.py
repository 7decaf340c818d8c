"""Below `acsnet.storage`: owners, locks, errors of the system, settings file, temporary names."""
