"""Changes of training images: geometry, signal, shape of the wall, LGE-like cine."""
