"""Below `acsnet.storage`: descriptors, which nobody can exchange, owners, and temporary names."""
