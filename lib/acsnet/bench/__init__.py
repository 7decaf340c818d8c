"""How fast the chain is on the machine at hand, and how near to what its processor can do."""
