"""Files and folders by their descriptors, which nobody can exchange as they can what has a name."""
