"""What the networks are trained on: slices and walls as arrays, prepared from cases."""
