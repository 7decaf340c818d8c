"""DICOM objects of a scan: segmentation (SEG), structured report (SR), encapsulated PDF.

Datasets in, datasets out: no files, no network. What writes needs highdicom, what reads does not.
"""
