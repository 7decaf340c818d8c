"""What is measured: volumes, core scar, grey zone."""
