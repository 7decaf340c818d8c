"""Below `acsnet.storage`: whose files are, errors of the system, settings file, temporary names."""
