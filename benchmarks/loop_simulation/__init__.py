"""Labels needed when scans are picked, against scans drawn by lot, replayed on a labelled set."""
