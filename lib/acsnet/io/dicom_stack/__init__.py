"""DICOM images to one stack: enhanced frames, doubles, series, pixels, decoders."""
