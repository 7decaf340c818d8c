"""HTTP routes for clients: inference, labels, images, training."""
