"""DICOMweb for viewers in the browser: a read-only folder, or the PACS behind this server."""
