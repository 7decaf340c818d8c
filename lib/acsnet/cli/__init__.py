"""The commands of `acsnet`: options and printing, one module for each kind of work."""
