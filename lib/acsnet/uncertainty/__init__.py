"""How sure the numbers are: what the networks might have drawn as well, and intervals."""
