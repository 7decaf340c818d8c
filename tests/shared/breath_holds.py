"""A stack as breath-holds, a series each: the work list joins them to one scan."""

from packed_scans import write
from pydicom.uid import generate_uid


def in_breath_holds(datasets, *, slices=4):
    """Give the images of a stack series of that many slices: "LGE SAX BH 1", number 20, and on."""
    uids = [generate_uid() for _ in range(0, len(datasets), slices)]
    for number, dataset in enumerate(datasets):
        hold, at = divmod(number, slices)
        dataset.SeriesInstanceUID, dataset.SeriesNumber = uids[hold], 20 + hold
        dataset.SeriesDescription, dataset.InstanceNumber = f"LGE SAX BH {hold + 1}", at + 1
    return datasets


def breath_holds(datasets, folder, *, slices=4):
    """As `in_breath_holds`, as files in a folder."""
    return write(folder, in_breath_holds(datasets, slices=slices))
