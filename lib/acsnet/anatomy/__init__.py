"""Anatomical plausibility of a wall: measures and limits of a mask, pose, latent prior."""
