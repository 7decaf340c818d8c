"""What several series are of one scan, or one series of several, whatever they are called."""
