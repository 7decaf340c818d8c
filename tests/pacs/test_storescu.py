"""C-STORE out and in, over this machine's own loopback address."""

import os
import socket
import threading
import time

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from acsnet.errors import InputError, PacsError
from acsnet.pacs.storescp import Receiver
from acsnet.pacs.storescu import Peer, files_to_send, peer, read_whole, store_files


@pytest.fixture
def files(samples):
    return sorted((samples / "dicom" / "phantom-1").glob("*.dcm"))


def test_addresses():
    assert peer("dicom://STORE SCP@pacs.example.org:104") == Peer(
        title="STORE SCP", host="pacs.example.org", port=104
    )
    assert str(peer("dicom://A@h:1")) == "dicom://A@h:1"


@pytest.mark.parametrize(
    "address",
    [
        "dicom://h:104",
        "dicom://A@h",
        "dicom://A@h:0",
        "dicom://TOO_LONG_A_TITLE_@h:1",
        "dicom://A@h:99999",
        "dicom://A@h:1/x",
        "A@h:1",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InputError):
        peer(address)


def test_files_arrive_as_they_were_sent(listening, files, tmp_path):
    to, told = listening()
    assert all(reason is None for _, reason in store_files(files, to))
    assert len(told) == len(files) == 8
    for file in files:
        sent = pydicom.dcmread(file)
        path = tmp_path / "in" / sent.StudyInstanceUID / sent.SeriesInstanceUID
        got = pydicom.dcmread(path / f"{sent.SOPInstanceUID}.dcm")
        assert got.PixelData == sent.PixelData
        assert got.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    assert not list((tmp_path / "in").rglob(".*"))


def test_what_is_no_dicom_is_told_and_the_rest_is_sent(listening, files, tmp_path):
    to, told = listening()
    (tmp_path / "x.txt").write_text("hello")
    reasons = dict(store_files([tmp_path / "x.txt", files[0]], to))
    assert reasons == {tmp_path / "x.txt": "it is not a DICOM file", files[0]: None}
    assert len(told) == 1
    ((_, reason),) = store_files([tmp_path / "x.txt"], to)
    assert reason == "it is not a DICOM file"


def test_a_kind_that_the_peer_does_not_take_is_told(listening, patient, tmp_path):
    to, told = listening()
    dataset = patient()[0]
    dataset.compress(RLELossless, np.asarray(dataset.pixel_array))
    dataset.save_as(tmp_path / "rle.dcm", write_like_original=False)
    ((_, reason),) = store_files([tmp_path / "rle.dcm"], to)
    assert reason == "its kind or transfer syntax is not accepted"
    assert not told


def test_a_wrong_title_and_a_closed_port_are_told(listening, files):
    to, _ = listening()
    with pytest.raises(PacsError, match="are both AE titles known"):
        list(store_files(files, Peer(title="OTHER", host=to.host, port=to.port)))
    with pytest.raises(PacsError, match="no answer"):
        list(store_files(files, Peer(title="ACSNET", host="127.0.0.1", port=1)))


def test_a_peer_that_hangs_up_instead_of_refusing_is_told(files):
    with socket.create_server(("127.0.0.1", 0)) as server:
        hang_up = threading.Thread(target=lambda: server.accept()[0].close())
        hang_up.start()
        with pytest.raises(PacsError, match="hung up or said nothing: are both AE titles known"):
            list(
                store_files(
                    files, Peer(title="ACSNET", host="127.0.0.1", port=server.getsockname()[1])
                )
            )
        hang_up.join()


def test_uids_that_are_paths_are_not_followed(listening, patient, tmp_path):
    to, told = listening()
    dataset = patient()[0]
    dataset.StudyInstanceUID = "../../outside"
    dataset.save_as(tmp_path / "bad.dcm", write_like_original=False)
    ((_, reason),) = store_files([tmp_path / "bad.dcm"], to)
    assert reason == "status 0xc000"
    assert not told
    assert not list((tmp_path / "in").iterdir())


def test_an_object_that_is_too_large_is_broken_off_while_it_comes_in(listening, files, tmp_path):
    to, told = listening(max_bytes=20_000)
    with pytest.raises(PacsError, match="broken off"):
        list(store_files(files[:1], to))
    assert not told
    assert not list((tmp_path / "in").iterdir())


def test_many_objects_on_one_association_are_not_one_large_one(listening, files):
    size = files[0].stat().st_size
    to, told = listening(max_bytes=2 * size)
    assert all(reason is None for _, reason in store_files(files, to))
    assert len(told) == 8


def test_a_full_disk_is_told(listening, files):
    to, told = listening(min_free_bytes=1 << 62)
    ((_, reason),) = store_files(files[:1], to)
    assert reason == "status 0xa700"
    assert not told


def test_a_title_that_is_none_and_a_port_in_use_are_refused(listening, tmp_path):
    to, _ = listening()
    in_use = f"port {to.port} on 127.0.0.1 is in use: choose another with --port"
    for title, port, reason in (("", 0, "AE title"), ("A", to.port, in_use)):
        with pytest.raises(InputError, match=reason):
            Receiver(tmp_path, host="127.0.0.1", port=port, title=title, on_file=lambda _: None)


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("192.0.2.7", 0, "port 0 on 192.0.2.7 cannot be opened: Cannot assign requested address"),
        ("::1", 0, "over IPv4 only: give an address of it, got ::1"),
        ("127.0.0.1", 65536, "port 65536 on 127.0.0.1 cannot be opened: .*0-65535"),
    ],
)
def test_where_nothing_can_be_received_the_reason_is_told(tmp_path, host, port, reason):
    with pytest.raises(InputError, match=reason):
        Receiver(tmp_path, host=host, port=port, title="A", on_file=lambda _: None)


def test_what_a_killed_receiver_left_is_removed_once_it_is_a_day_old(listening, tmp_path):
    """Beside it what somebody may be at work on, and what other programs keep there."""
    ours = ("in/.t4qr6z64/object.dcm", "in/1.2/1.3/.acsnet-0123abcd")
    young = "in/.t5qr6z65/object.dcm"
    others = ("in/.stfolder/marker", "in/.metadata/object.dcm", "in/.metadata/b", "in/.htaccess")
    for name in (*ours, young, *others):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"pixels")
    yesterday = time.time() - 25 * 3600
    for old in tmp_path.glob("in/**/.*"):
        if not (tmp_path / young).is_relative_to(old):
            os.utime(old, (yesterday, yesterday))
    listening()
    assert [(tmp_path / name).exists() for name in ours] == [False, False]
    assert not (tmp_path / ours[0]).parent.exists()
    assert [(tmp_path / name).exists() for name in (young, *others)] == [True] * 5


def test_folders_of_studies_are_for_their_owner_alone(listening, files, tmp_path):
    (tmp_path / "in").mkdir()
    to, told = listening()
    assert [reason for _, reason in store_files(files[:1], to)] == [None]
    folders = told[0].parent, told[0].parent.parent
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]


def test_files_below_folders_are_found(tmp_path):
    for name in ("a/1.dcm", "a/b/2", "a/DICOMDIR"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "a" / "README.txt").write_text("hello")
    found = files_to_send([tmp_path / "a", tmp_path / "a" / "1.dcm"])
    assert [file.relative_to(tmp_path).as_posix() for file in found] == [
        "a/1.dcm",
        "a/b/2",
        "a/1.dcm",
    ]
    with pytest.raises(InputError, match="does not exist"):
        files_to_send([tmp_path / "nowhere"])
    with pytest.raises(InputError, match="no DICOM files"):
        files_to_send([])


def test_a_file_that_ends_too_soon_is_refused(samples, tmp_path):
    content = next((samples / "dicom").rglob("*.dcm")).read_bytes()
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    assert len(read_whole(path).PixelData) == 160 * 176 * 2
    for length in (len(content) - 2, 200, 0):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut short|damaged"):
            read_whole(path)
