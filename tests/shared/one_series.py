"""Two stacks of a patient sent as one series, as scanners do with both reconstructions."""


def as_one_series(first, second):
    """Give the images of `second` the series of `first`; its UID."""
    uid = first[0].SeriesInstanceUID
    for image in second:
        image.SeriesInstanceUID = uid
    return uid
