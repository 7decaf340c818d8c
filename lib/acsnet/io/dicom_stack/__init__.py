"""DICOM images to one stack: enhanced frames, doubles, series, repeats, pixels, decoders."""
