"""Shape of scar: how deep it lies in the wall, how it is spread, and how uneven it is."""
