"""Active learning and training behind MONAI Label's buttons."""
