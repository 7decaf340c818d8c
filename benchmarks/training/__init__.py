"""What the choices of the recipe are worth, and the fit of the 90 % intervals."""
