"""What harmless changes of a scan cost: `acsnet evaluate --stress`."""
