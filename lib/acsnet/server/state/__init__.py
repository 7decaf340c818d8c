"""The state folder: paths, layout, repair, backup and restore."""
