"""Changes of training images: geometry, signal, walls, LGE-like cine."""
