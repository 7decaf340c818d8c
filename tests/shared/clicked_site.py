"""One phantom in eight orientations on a server, and a reader's own label map on it."""

import io
import json
import shutil
from types import SimpleNamespace

import nrrd
import numpy as np
import pytest
from in_process import app_over, application_of, client_of
from positioned_phantoms import ORIENTATIONS, laid

from acsnet.io import read_scan
from acsnet.io.label_map import read_labels_on
from acsnet.server.datastores.label_intake import DrawnLabel, accept_label

READER = "Ada"


@pytest.fixture(scope="module")
def site(tmp_path_factory, samples):
    """A server with the phantom in all orientations, and Ada's own label map on each."""
    folder = tmp_path_factory.mktemp("clicks")
    studies = folder / "studies"
    series = {
        name: laid(studies / f"s{number}", samples, number, matrix)
        for number, (name, matrix) in enumerate(ORIENTATIONS.items())
    }
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", studies / "phantom.nii.gz")
    with app_over(folder, studies) as app:
        client = client_of(application_of(app))
        yield SimpleNamespace(client=client, app=app, series=series, samples=samples)


def own_label(site, image):
    """Save the true labels of the phantom as Ada's, laid as the series is; gives scan and stack."""
    scan = read_scan(site.app.datastore().get_image_uri(image))
    file = site.samples / "nifti" / "phantom-1.nii.gz"
    straight = read_scan(file)
    truth = straight.grid.from_input(
        read_labels_on(site.samples / "truth" / "phantom-1.nii.gz", scan=straight, image=file)
    ).astype(np.uint8)
    # The stacks hold the same pictures: find which way round by the signal.
    same = np.corrcoef(scan.pixels.ravel(), straight.pixels.ravel())[0, 1]
    stack = truth if same > 0.99 else truth[::-1]
    accept_label(
        site.app.datastore(),
        image,
        DrawnLabel(
            scan=scan,
            labels=scan.grid.to_input(stack),
            drawn_on=site.app.datastore().state_to_label(image),
            author=READER,
            tag="final",
        ),
    )
    return scan, stack


def ask(site, image, *, client_id=READER, **params):
    """An answer to clicks: the label map's array, its LPS affine, and the JSON of it."""
    params = {"client_id": client_id, "result_extension": ".nrrd", **params}
    answer = site.client.post(
        f"/infer/acsnet_click?image={image}&output=all", data={"params": json.dumps(params)}
    )
    assert answer.status_code == 200, answer.text
    boundary = answer.headers["content-type"].split("boundary=")[1]
    parts = answer.content.split(f"--{boundary}".encode())
    told, file = (part.split(b"\r\n\r\n", 1)[1][:-2] for part in parts[1:3])
    stream = io.BytesIO(file)
    header = nrrd.read_header(stream)
    labels = nrrd.read_data(header, stream, index_order="F")
    affine = np.eye(4)
    affine[:3, :3] = np.array(header["space directions"], float).T
    affine[:3, 3] = header["space origin"]
    return labels, affine, json.loads(told)
