"""Label maps put into a store as people and the model put them in."""

import numpy as np

from acsnet.annotations.marks import measure_marked
from acsnet.io import read_scan, write_label_map
from acsnet.server.datastores.label_intake import DrawnLabel, accept_label, author_of, state_of
from acsnet.server.datastores.protocol import scan_to_label


def save_label(store, image, labels, *, tag="final", **info):
    """Save an array on the grid of an image as a person does; its record.

    info: `user` and `state` as a client sends them, by default Ana and a draft.
    """
    path, drawn_on = scan_to_label(store, image)
    author, state = author_of({"user": "Ana", **info}), state_of(info)
    about = {"drawn_on": drawn_on, "author": author, "state": state, "tag": tag}
    drawn = DrawnLabel(scan=read_scan(path), labels=labels, **about)
    return accept_label(store, image, drawn)


def keep_draft(store, image, labels, *, model="m1"):
    """Keep an array on the grid of an image as a draft of the model."""
    scan = read_scan(store.get_image_uri(image))
    store.keep_draft(image, measure_marked(scan, labels), model)


def label_file(store, image, path, value):
    """Write a label map of an image that holds one box of a value; its array."""
    scan = read_scan(store.get_image_uri(image))
    labels = np.zeros(scan.grid.shape, np.uint8)
    labels[4:9, 5:8, 2] = value
    write_label_map(path, labels, scan.grid)
    return labels
