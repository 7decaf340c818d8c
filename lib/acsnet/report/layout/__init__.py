"""Pages of text: what can be printed, where it breaks, where it stands."""
