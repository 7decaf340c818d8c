"""What a wall may look like: measures and limits of one mask, and the latent prior of many."""
