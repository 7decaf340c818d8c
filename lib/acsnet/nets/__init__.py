"""Networks of the method and the verified loading of their weights."""
