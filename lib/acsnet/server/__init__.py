"""The MONAI Label server: the only room that imports `monailabel`. Research use only."""
