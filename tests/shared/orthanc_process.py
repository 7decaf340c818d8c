"""How Orthanc is started: an archive of its own, on this machine only."""

import json
import os
import shutil
from pathlib import Path

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def orthanc_binary():
    """The program; None where it or its DICOMweb plug-in is not installed."""
    binary = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return binary if PLUGIN.is_file() else None


def orthanc_command(folder, *, http, dicom, login):
    """The command for an empty archive in a folder; http, dicom: ports; login: name, password."""
    settings = {
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": dict([login]),
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(PLUGIN)],
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    return [orthanc_binary(), str(file)]
