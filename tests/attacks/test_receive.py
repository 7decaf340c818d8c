"""`acsnet receive` on this machine's loopback address, and hostile senders."""

import os
import socket
import struct
import time

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.ae import ApplicationEntity
from pynetdicom.presentation import build_context

from acsnet.errors import InputError, PacsError
from acsnet.pacs.storescu import VERIFICATION, store_files

MR = "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture
def files(samples):
    return sorted((samples / "dicom" / "phantom-1").glob("*.dcm"))


def connect(to):
    line = socket.create_connection((to.host, to.port), timeout=10)
    line.settimeout(10)
    return line


def is_ended(line):
    """Whether the other side has ended a connection."""
    try:
        while line.recv(100):
            pass
        return True
    except ConnectionError:
        return True


def established(to, **contexts):
    entity = ApplicationEntity(ae_title="ANY")
    context = build_context(contexts.get("kind", VERIFICATION), contexts.get("syntax"))
    return entity.associate(to.host, to.port, contexts=[context], ae_title="ACSNET")


def test_the_deflated_syntax_is_not_taken(listening):
    """pynetdicom takes it by default, and inflates an object of 2 MB to 4 GB in memory."""
    to, _ = listening()
    line = established(to, kind=MR, syntax=DeflatedExplicitVRLittleEndian)
    accepted = [context.transfer_syntax for context in line.accepted_contexts]
    line.abort()
    assert accepted == []


def test_a_pdu_that_is_too_large_is_not_read(listening):
    """Before any association: the head says two gigabytes, and nothing of them is kept."""
    to, _ = listening()
    with connect(to) as line:
        line.sendall(struct.pack(">BBL", 1, 0, 2**31))
        assert is_ended(line)


def test_a_pdu_that_never_ends_is_broken_off(listening):
    to, _ = listening(pdu_s=0.3)
    with connect(to) as line:
        line.sendall(struct.pack(">BBL", 1, 0, 1000))
        begun = time.monotonic()
        assert is_ended(line)
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("count", [4, 20])
def test_silent_connections_shut_nobody_out(listening, files, count):
    to, stored = listening()
    lines = [connect(to) for _ in range(count)]
    try:
        assert all(reason is None for _, reason in store_files(files[:1], to))
    finally:
        for line in lines:
            line.close()
    assert len(stored) == 1


def test_one_established_association_too_many_is_refused(listening):
    to, _ = listening(max_associations=2)
    lines = [established(to) for _ in range(3)]
    found = [line.is_established for line in lines]
    for line in lines:
        line.abort()
    assert found == [True, True, False]


def test_the_first_object_of_a_uid_stays(listening, files, tmp_path):
    to, stored = listening()
    assert [reason for _, reason in store_files(files[:1], to)] == [None]
    before = stored[0].read_bytes()
    other = pydicom.dcmread(files[0])
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(tmp_path / "other.dcm")
    assert [reason for _, reason in store_files([tmp_path / "other.dcm"], to)] == ["status 0x0111"]
    assert stored[0].read_bytes() == before
    assert len(stored) == 1


def test_the_same_object_once_more_is_no_fault(listening, files):
    to, stored = listening()
    for _ in range(2):
        assert [reason for _, reason in store_files(files[:1], to)] == [None]
    assert len(stored) == 1


def test_the_same_object_in_a_file_of_another_writer_is_no_fault(listening, files):
    """As after an upgrade of what writes the files: only group 2 differs."""
    to, stored = listening()
    assert [reason for _, reason in store_files(files[:1], to)] == [None]
    kept = pydicom.dcmread(stored[0])
    kept.file_meta.ImplementationVersionName = "ANOTHER_1"
    kept.save_as(stored[0])
    before = stored[0].read_bytes()
    assert [reason for _, reason in store_files(files[:1], to)] == [None]
    assert stored[0].read_bytes() == before
    assert len(stored) == 1


def test_the_same_object_in_another_transfer_syntax_is_no_fault(listening, files, tmp_path):
    to, stored = listening()
    assert [reason for _, reason in store_files(files[:1], to)] == [None]
    again = in_implicit_vr(files[0], tmp_path / "again.dcm")
    assert [reason for _, reason in store_files([again], to)] == [None]
    assert len(stored) == 1


def test_another_object_in_another_transfer_syntax_is_refused(listening, files, tmp_path):
    to, stored = listening()
    assert [reason for _, reason in store_files(files[:1], to)] == [None]
    for number, change in enumerate(({"PatientID": "4711"}, {"PixelData": bytes(160 * 176 * 2)})):
        other = in_implicit_vr(files[0], tmp_path / f"{number}.dcm", **change)
        assert [reason for _, reason in store_files([other], to)] == ["status 0x0111"]
    assert len(stored) == 1


def in_implicit_vr(file, path, **changes):
    dataset = pydicom.dcmread(file)
    for tag, value in changes.items():
        setattr(dataset, tag, value)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.is_implicit_VR = True
    dataset.save_as(path)
    return path


def test_senders_can_be_named_by_title(listening, files):
    to, stored = listening(calling=["PACS"])
    with pytest.raises(PacsError, match="are both AE titles known"):
        list(store_files(files[:1], to))
    assert not stored


def test_senders_can_be_named_by_address(listening, files):
    to, stored = listening(senders=["192.0.2.0/24"])
    with pytest.raises(PacsError):
        list(store_files(files[:1], to))
    assert not stored
    to, stored = listening(senders=["192.0.2.7", "127.0.0.0/8"])
    assert [reason for _, reason in store_files(files[:1], to)] == [None]


def test_a_sender_that_is_no_address_is_refused(listening):
    with pytest.raises(InputError, match="an address or a network"):
        listening(senders=["pacs.example.org"])


def test_a_header_that_would_fill_the_memory_is_refused(listening, files, tmp_path):
    to, stored = listening()
    dataset = pydicom.dcmread(files[0])
    dataset.add_new(0x00091010, "OB", os.urandom(5 * 2**20))
    dataset.save_as(tmp_path / "long.dcm")
    assert [reason for _, reason in store_files([tmp_path / "long.dcm"], to)] == ["status 0xc000"]
    assert not stored


def test_all_that_comes_in_at_once_is_bounded(listening, files):
    to, stored = listening(max_pending_bytes=20_000)
    with pytest.raises(PacsError, match="broken off"):
        list(store_files(files[:1], to))
    assert not stored
