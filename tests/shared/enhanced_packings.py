"""A scan as enhanced MR objects, one or many frames a file: see `packed_scans.py`."""

import numpy as np
import pydicom
from packed_scans import new_uid, save, write
from pydicom.uid import generate_uid


def item(**tags):
    """One item of a sequence."""
    dataset = pydicom.Dataset()
    for key, value in tags.items():
        setattr(dataset, key, value)
    return dataset


def _frame_groups(dataset, position_in_stack):
    return item(
        FrameContentSequence=[item(StackID="1", InStackPositionNumber=position_in_stack)],
        PlanePositionSequence=[item(ImagePositionPatient=dataset.ImagePositionPatient)],
        PixelValueTransformationSequence=[
            item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")
        ],
        FrameVOILUTSequence=[
            item(WindowCenter=dataset.WindowCenter, WindowWidth=dataset.WindowWidth)
        ],
    )


def _enhance(dataset, frames):
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    dataset.NumberOfFrames = len(frames)
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=dataset.PixelSpacing, SliceThickness="8.0")],
            PlaneOrientationSequence=[
                item(ImageOrientationPatient=dataset.ImageOrientationPatient)
            ],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = frames
    for tag in (
        "PixelSpacing",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "WindowCenter",
        "WindowWidth",
    ):
        delattr(dataset, tag)


def enhanced_one_frame_a_file(datasets, out):
    """Enhanced MR objects of one frame each."""
    for dataset in datasets:
        new_uid(dataset)
        _enhance(dataset, [_frame_groups(dataset, 1)])
    return write(out, datasets)


def enhanced_series_per_slice(datasets, out):
    """Each breath-hold is a series of its own, of one enhanced object of one frame."""
    for number, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = generate_uid(), 20 + number
        dataset.SeriesDescription, dataset.InstanceNumber = f"LGE SAX BH {number + 1}", 1
    return enhanced_one_frame_a_file(datasets, out)


def enhanced_multi_frame(datasets, out, *, phases=1):
    """One enhanced MR object with all slices, in a mixed order; phases: of a cine."""
    whole = datasets[0]
    order = np.random.default_rng(0).permutation(len(datasets))
    frames, words = [], []
    for phase in range(phases):
        for index in order:
            groups = _frame_groups(datasets[index], int(index) + 1)
            if phases > 1:
                groups.CardiacSynchronizationSequence = [
                    item(NominalCardiacTriggerDelayTime=40.0 * phase)
                ]
            frames.append(groups)
            words.append(datasets[index].pixel_array + 3 * phase)
    new_uid(whole)
    dtype = whole.pixel_array.dtype
    _enhance(whole, frames)
    whole.PixelData = np.stack(words).astype(dtype).tobytes()
    save(whole, out / "enhanced.dcm")
    return out


def cine(datasets, out):
    """A phase of a cine: many phases, no inversion."""
    for dataset in datasets:
        dataset.CardiacNumberOfImages = 20
        dataset.SeriesDescription = dataset.ProtocolName = "sax bSSFP"
        if "InversionTime" in dataset:
            del dataset.InversionTime
    return write(out, datasets)
