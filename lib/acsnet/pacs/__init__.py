"""Picture archives (PACS): over DICOMweb and DIMSE, and the work list of the scans they hold."""
