"""The MONAI Label server: the only package that imports `monailabel`. Research use only."""
