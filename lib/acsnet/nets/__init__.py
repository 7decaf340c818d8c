"""Networks of the method, their inference, and the verified loading of their weights."""
