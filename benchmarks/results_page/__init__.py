"""The page of results: tables and figures of the paper on a test list."""
