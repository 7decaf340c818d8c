"""Picture archives (PACS): DICOMweb, DIMSE, and the work list of their LGE scans."""
