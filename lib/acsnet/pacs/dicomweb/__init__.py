"""Client of a DICOMweb service (PS3.18: QIDO-RS, WADO-RS, STOW-RS), on dicomweb-client.

Adds time-outs, errors that name the service and no login, searches to their end, and an instance
counts as stored only where the service says so. Certificates are always checked;
`REQUESTS_CA_BUNDLE` names the file of a hospital's own authority.
"""

from acsnet.pacs.dicomweb.answer import Answer
from acsnet.pacs.dicomweb.client import DicomWeb, is_uid
from acsnet.pacs.dicomweb.stow import NotStoredError

__all__ = ["Answer", "DicomWeb", "NotStoredError", "is_uid"]
