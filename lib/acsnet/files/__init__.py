"""Below `acsnet.storage`: descriptors that nobody can exchange, owners, temporary names, errors."""
