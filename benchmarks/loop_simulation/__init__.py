"""Labels needed when scans are chosen, against random scans, replayed on a labelled set."""
