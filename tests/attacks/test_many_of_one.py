"""Small files and bodies with very many of one thing: dimensions, layers, segments, brackets."""

import bz2
import gzip
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.label_map import by_name, read_label_map
from acsnet.server.routes import clicks

MOST_MB = 250
GRID = "space directions: (1.5,0,0) (0,1.5,0) (0,0,8)\nspace origin: (0,0,0)\n"


@pytest.fixture
def refused(tmp_path):
    """Looks at a file, and says what was refused; at most `MOST_MB` are taken meanwhile."""

    def look(name, content, read=read_scan):
        path = tmp_path / name
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(AcsnetError) as caught:
                read(path)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert most < MOST_MB * 2**20
        return str(caught.value)

    return look


def nrrd(*, sizes, fields="", encoding="raw", pixels=b"", kind="uint8"):
    header = (
        f"NRRD0005\ntype: {kind}\ndimension: {len(sizes)}\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, sizes))}\nencoding: {encoding}\n{fields}\n"
    )
    return header.encode() + pixels


def test_thousands_of_dimensions_are_no_matrix_of_their_square(refused):
    """30,000 sizes of 1 in 60 kB: their matrix of directions would take 7 GB."""
    header = f"ObjectType = Image\nNDims = 3\nDimSize = {'1 ' * 30_000}\nElementType = MET_UCHAR\n"
    told = refused("scan.mha", f"{header}ElementDataFile = LOCAL\n".encode())
    assert "got 30000 dimensions" in told


def test_thousands_of_layers_are_not_unpacked(refused):
    """Of 24 x 24 x 6 voxels, 100,000 times: 346 MB of zeros in 340 kB."""
    fields = f"space directions: none{GRID.removeprefix('space directions:')}"
    sizes = (100_000, 24, 24, 6)
    pixels = gzip.compress(bytes(100_000 * 24 * 24 * 6), 1)
    content = nrrd(sizes=sizes, fields=fields, encoding="gzip", pixels=pixels)
    assert len(content) < 2_000_000
    told = refused("label.seg.nrrd", content, lambda path: read_label_map(path, name="it"))
    assert "too large" in told


def segments(count, *, value=1, layer=0, name="core_scar"):
    return "".join(
        f"Segment{k}_ID:=s{k}\nSegment{k}_Name:={name}\nSegment{k}_LabelValue:={value}\n"
        f"Segment{k}_Layer:={layer}\n"
        for k in range(count)
    )


def test_thousands_of_segments_are_no_mask_each(tmp_path):
    """3000 segments of one value on 100,000 voxels: a mask for each would be 300 MB."""
    pixels = np.zeros((100, 100, 10), np.uint8)
    pixels[40:60, 40:60] = 1
    path = tmp_path / "label.seg.nrrd"
    content = nrrd(sizes=pixels.shape, fields=segments(3_000) + GRID, pixels=pixels.tobytes("F"))
    path.write_bytes(content)
    tracemalloc.start()
    try:
        labels = by_name(read_label_map(path, name="it")).labels
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < MOST_MB * 2**20
    np.testing.assert_array_equal(labels, 4 * pixels)


@pytest.mark.parametrize("layer", [-2, -1, 1, 10**30])
def test_a_segment_in_a_layer_that_is_not_there_is_refused(refused, layer):
    content = nrrd(sizes=(4, 4, 2), fields=segments(1, layer=layer) + GRID, pixels=bytes([1] * 32))
    told = refused("label.seg.nrrd", content, lambda path: read_label_map(path, name="it"))
    where = f"segment 'core_scar' of it is in layer {layer}, but the layers of the file are 0 to 0"
    assert told == where


def test_numbers_that_are_written_out_are_no_object_each(refused):
    """Two million words where the header speaks of 3456 voxels; as objects they take 110 MB."""
    text = b"10 " * 2_000_000
    content = nrrd(sizes=(24, 24, 6), fields=GRID, encoding="ascii", pixels=text)
    tracemalloc.start()
    try:
        told = refused("scan.nrrd", content)
    finally:
        tracemalloc.stop()
    assert "do not fill the matrix" in told


def test_numbers_that_are_written_out_are_read(tmp_path):
    values = np.arange(4 * 4 * 2).reshape(4, 4, 2)
    path = tmp_path / "label.nrrd"
    text = "\n".join(map(str, values.ravel(order="F"))).encode()
    path.write_bytes(nrrd(sizes=values.shape, fields=GRID, encoding="ascii", pixels=text))
    np.testing.assert_array_equal(read_label_map(path, name="it").labels, values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"1 " * 31, "do not fill"),
        (b"1 " * 33, "do not fill"),
        (b"1 " * 31 + b"x", "not numbers"),
        (b"1 " * 31 + b"1x", "not numbers"),
        (b"", "do not fill"),
    ],
)
def test_text_that_is_not_the_numbers_of_the_matrix_is_refused(refused, text, reason):
    content = nrrd(sizes=(4, 4, 2), fields=GRID, encoding="ascii", pixels=text)
    assert reason in refused("label.nrrd", content, lambda path: read_label_map(path, name="it"))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_label_map_is_unpacked_no_further_than_its_matrix(refused, pack):
    encoding = "gzip" if pack is gzip.compress else "bzip2"
    content = nrrd(
        sizes=(24, 24, 6), fields=GRID, encoding=encoding, pixels=pack(bytes(40_000_000))
    )
    told = refused("label.nrrd", content, lambda path: read_label_map(path, name="it"))
    assert "it is longer than the image that its header describes" in told


@pytest.mark.parametrize("sizes", [(0, 4, 4), (-4, 4, 4), (4, 4), (2**40, 2**40, 2), ()])
def test_sizes_that_cannot_be_are_refused(refused, sizes):
    content = nrrd(sizes=sizes, fields=GRID, pixels=bytes(100))
    refused("scan.nrrd", content)
    refused("label.nrrd", content, lambda path: read_label_map(path, name="it"))


DEEP = b"[" * 100_000
ODD = (
    DEEP,
    b'{"by": "\\ud800", "user": "\\ud800", "client_id": "\\ud800", "version": "\\ud800", '
    b'"comment": "\\ud800", "frames": {"\\ud800": [1]}, "clicks": []}',
    b'{"by": "A", "user": "A", "version": "original", "comment": "\\u0000\\u202e<script>", '
    b'"frames": {"1": [1e400]}, "clicks": [{"kind": "inside", "slice": 1e400, "row": -1e400, '
    b'"column": NaN}]}',
    b'{"by": "A", "user": "A", "frames": {"1": [' + b"9" * 5000 + b', 1]}, "clicks": [{"kind": '
    b'"inside", "slice": ' + b"9" * 4000 + b', "row": 1, "column": 1}]}',
    b'{"by": {"x": 1}, "user": null, "version": [1], "comment": {"x": 1}, "frames": [], '
    b'"clicks": {}, "warnings_shown": {"x": 1}, "next": []}',
    b"\xff\xfe{",
    b"null",
)


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/activelearning/random"),
        ("PUT", "/acsnet/cases/{image}/edit"),
        ("POST", "/acsnet/cases/{image}/edit"),
        ("POST", "/acsnet/cases/{image}/click"),
        ("POST", "/acsnet/cases/{image}/accept"),
        ("POST", "/acsnet/cases/{image}/reject"),
        ("POST", "/acsnet/cases/{image}/withdraw"),
        ("POST", "/batch/infer"),
        ("POST", "/train/"),
        ("POST", "/train/nobody"),
    ],
)
def test_odd_json_is_no_fault_of_the_server(web, method, path, body):
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    address = path.format(image=web.series)
    answer = web.client.request(method, address, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    web.client.delete("/train/")
    web.client.delete("/batch/infer")


@pytest.mark.parametrize("value", ["[" * 100_000, "\ud800", "\x00", "nan", "9" * 5000, "1e999"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/acsnet/cases/{{image}}/{route}", field)
        for route, fields in {
            "details": ("by", "height_cm", "weight_kg", "indication", "comment", "rv_insertion"),
            "accept": ("version", "by", "comment", "next"),
        }.items()
        for field in fields
    ],
)
def test_odd_fields_are_no_fault_of_the_server(web, path, field, value):
    form = {"by": "Ana", "version": "original", field: value.encode(errors="surrogatepass")}
    answer = web.client.post(path.format(image=web.series), data=form, follow_redirects=False)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "value", ["[" * 100_000, '{"client_id": "\\ud800"}', '{"user": "\\ud800"}']
)
@pytest.mark.parametrize("path", ["/infer/roi?image={image}", "/datastore/label?image={image}"])
def test_odd_params_are_no_fault_of_the_server(web, path, value):
    method = "PUT" if "label" in path else "POST"
    files = {"params": (None, value), "label": ("label.nii.gz", b"x")}
    answer = web.client.request(method, path.format(image=web.series), files=files)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("comment", ["\\ud800", "\\u0000", "\\u001b[2J"])
def test_a_comment_that_no_page_can_show_is_not_kept(web, comment):
    body = f'{{"by": "Ana", "version": "original", "comment": "{comment}"}}'.encode()
    headers = {"Content-Type": "application/json"}
    case = f"/acsnet/cases/{web.series}"
    answer = web.client.post(f"{case}/reject", content=body, headers=headers)
    assert answer.status_code == 422
    assert "plain text" in answer.text
    assert web.client.get(case).status_code == 200


def test_what_was_clicked_is_measured_in_one_of_the_few_places(web, monkeypatch):
    """Whole scans are measured by so many at once, whichever way a label map comes in."""
    held, inside = [], []
    taken, save = clicks.volume_place, clicks.save_label

    @contextmanager
    def place():
        with taken():
            held.append(True)
            yield
            held.pop()

    def measured(*args, **options):
        inside.extend(held)
        return save(*args, **options)

    monkeypatch.setattr(clicks, "volume_place", place)
    monkeypatch.setattr(clicks, "save_label", measured)
    body = {"clicks": [], "user": "Ana", "save": True}
    answer = web.client.post(f"/acsnet/cases/{web.series}/click", json=body)
    assert answer.status_code == 200, answer.text
    assert inside == [True]
