"""DICOM files: one and its tags, those of a folder, and the walk through folders."""
