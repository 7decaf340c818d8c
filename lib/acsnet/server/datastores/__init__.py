"""Scans and labels of a studies folder or a PACS, as MONAI Label reads them."""
