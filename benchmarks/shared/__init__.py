"""What several benchmarks use: servers under load, damaged walls, phantoms as files, readers."""
