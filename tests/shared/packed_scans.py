"""The sample patients as scanners, archives, viewers and colleagues would send them."""

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813
from pydicom.uid import generate_uid


def slices(folder):
    """Datasets of a DICOM patient, in the order of their files."""
    return [pydicom.dcmread(path) for path in sorted(Path(folder).glob("*.dcm"))]


def save(dataset, path):
    """Write a dataset as it is, without remarks on what is odd in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)


def write(out, datasets):
    """A folder with one file a dataset."""
    for number, dataset in enumerate(datasets):
        save(dataset, out / f"IM{number:04d}.dcm")
    return out


def new_uid(dataset):
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()


def without_window(dataset):
    for tag in ("WindowCenter", "WindowWidth"):
        if tag in dataset:
            delattr(dataset, tag)


def outside_circle(rows, columns):
    """(row, column) mask of what lies outside the reconstructed circle."""
    y, x = np.mgrid[:rows, :columns]
    return (y - rows / 2) ** 2 + (x - columns / 2) ** 2 > (min(rows, columns) / 2) ** 2


def overlay_bits(datasets, out):
    """12 bits stored, a drawing in bit 12."""
    for dataset in datasets:
        pixels = np.clip(dataset.pixel_array, 0, 4095).astype(np.uint16)
        pixels[20:30, 20:150] |= 1 << 12
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        dataset.PixelData = pixels.tobytes()
    return write(out, datasets)


def high_bits(datasets, out):
    """12 bits stored in the upper bits of each word: HighBit is 15."""
    for dataset in datasets:
        pixels = np.clip(dataset.pixel_array, 0, 4095).astype(np.uint16)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 15, 0
        dataset.PixelData = (pixels << 4).tobytes()
    return write(out, datasets)


def signed_12_bits(datasets, out, *, offset=500):
    """12 signed bits stored, zeros above them where the sign belongs; the signal is offset."""
    for dataset in datasets:
        pixels = np.clip(dataset.pixel_array.astype(int) - offset, -2048, 2047).astype(np.int16)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
        dataset.PixelData = (pixels.view(np.uint16) & 0x0FFF).tobytes()
        without_window(dataset)
    return write(out, datasets)


def padded_corners(datasets, out, *, value=-32768, declared=True):
    """Nothing was reconstructed outside the circle."""
    for dataset in datasets:
        pixels = dataset.pixel_array.astype(np.int16)
        pixels[outside_circle(dataset.Rows, dataset.Columns)] = value
        dataset.PixelRepresentation = 1
        dataset.PixelData = pixels.tobytes()
        if declared:
            dataset.add_new(0x00280120, "SS", value)
        without_window(dataset)
    return write(out, datasets)


def gain_per_slice(datasets, out, *, low=0.5, high=2.0):
    """Each breath-hold with a gain of its own."""
    gains = np.random.default_rng(3).permutation(np.geomspace(low, high, len(datasets)))
    for dataset, gain in zip(datasets, gains, strict=True):
        dataset.PixelData = np.round(dataset.pixel_array * gain).astype(np.int16).tobytes()
        without_window(dataset)
    return write(out, datasets)


def window_of_stored_values(datasets, out, *, slope="4.16215", intercept="0"):
    """A rescale slope beside a window that was made for the values before it."""
    for dataset in datasets:
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    return write(out, datasets)


def blank_slices(image, out, *, border=(30, 40), ends=2):
    """A NIfTI stack with empty slices at both ends and black all round."""
    margins = (*border, ends)
    data = np.pad(np.asanyarray(image.dataobj), [(n, n) for n in margins])
    affine = image.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ margins
    return save_nifti(nib.Nifti1Image(data, affine), out)


def save_nifti(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def series_per_slice(datasets, out):
    """Each breath-hold is a series of its own."""
    for number, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = generate_uid(), 20 + number
        dataset.SeriesDescription, dataset.InstanceNumber = f"LGE SAX BH {number + 1}", 1
    return write(out, datasets)


def repeated_slice(datasets, out):
    """One breath-hold again, later and a little brighter; the first of them is called "old"."""
    for number, dataset in enumerate(datasets):
        dataset.AcquisitionTime = dataset.ContentTime = f"12{number:02d}00"
    write(out, datasets)
    again = pydicom.dcmread(out / "IM0003.dcm")
    new_uid(again)
    again.AcquisitionTime = again.ContentTime = "123000"
    again.PixelData = (again.pixel_array + 7).astype(again.pixel_array.dtype).tobytes()
    (out / "IM0003.dcm").rename(out / "old.dcm")
    save(again, out / "again.dcm")
    return out


def copied_file(datasets, out):
    """One file copied beside itself."""
    write(out, datasets)
    (out / "IM0003 - Copy.dcm").write_bytes((out / "IM0003.dcm").read_bytes())
    return out


def localizer_inside(datasets, out, *, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")):
    """A planning image across the others in their series."""
    write(out, datasets)
    plan = pydicom.dcmread(out / "IM0003.dcm")
    new_uid(plan)
    row, column = np.reshape(np.array(plan.ImageOrientationPatient, float), (2, 3))
    plan.ImageOrientationPatient = [f"{v:.8f}" for v in (*row, *np.cross(row, column))]
    plan.ImageType = list(image_type)
    save(plan, out / "plan.dcm")
    return out


def raw_data_inside(datasets, out):
    """An object of raw data, without an image, in the series."""
    write(out, datasets)
    raw = pydicom.dcmread(out / "IM0003.dcm")
    new_uid(raw)
    raw.SOPClassUID = raw.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66"
    del raw.PixelData, raw.Rows, raw.Columns
    save(raw, out / "raw.dcm")
    return out


def compact_disc(datasets, out):
    """The layout of a patient's CD."""
    deep = out / "DICOM" / "PA000000" / "ST000000" / "SE000000"
    deep.mkdir(parents=True)
    (out / "README.TXT").write_text("viewer")
    (out / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(64))
    for number, dataset in enumerate(datasets):
        save(dataset, deep / f"IM{number:06d}")
    return out


def bare_data_sets(datasets, out):
    """Neither preamble nor meta information, and no endings."""
    for number, dataset in enumerate(datasets):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.preamble = None
        dataset.is_little_endian, dataset.is_implicit_VR = True, True
        save(dataset, out / f"{number:04d}")
    return out


def without_meta(folder):
    """Take preamble and meta information off the files of a folder, and leave the rest as it is."""
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[144 + int.from_bytes(content[140:144], "little") :])
    return folder


def shared_instance_uid(datasets, out, *, uid="1.2.3"):
    """An anonymiser gave all images one SOPInstanceUID, or none."""
    for dataset in datasets:
        dataset.SOPInstanceUID = uid
        dataset.file_meta.MediaStorageSOPInstanceUID = uid or "1.2.3"
    return write(out, datasets)


def magnitude_and_phase_sensitive(datasets, out):
    """Each slice in both reconstructions, in one series."""
    for number, dataset in enumerate(datasets):
        save(dataset, out / f"IM{number:04d}.dcm")
        new_uid(dataset)
        dataset.ImageType, dataset.InstanceNumber = (
            ["ORIGINAL", "PRIMARY", "PS", "IR"],
            100 + number,
        )
        dataset.PixelData = (dataset.pixel_array - 100).astype(np.int16).tobytes()
        save(dataset, out / f"PS{number:04d}.dcm")
    return out


def inversion_times(datasets, out, *, times_ms):
    """Each slice at several inversion times, in one series; later ones are 10 brighter each."""
    for phase, time_ms in enumerate(times_ms):
        for number, dataset in enumerate(datasets):
            new_uid(dataset)
            dataset.InversionTime, dataset.InstanceNumber = time_ms, 100 * phase + number
            dtype = dataset.pixel_array.dtype
            dataset.PixelData = (dataset.pixel_array + 10 * (phase > 0)).astype(dtype).tobytes()
            save(dataset, out / f"TI{phase}-{number:04d}.dcm")
    return out


def moved_slices(datasets, out, *, from_index, to_index=None, along_mm=0.0, aside_mm=0.0):
    """Some slices further along the stack, or beside it."""
    row, _ = np.reshape(np.array(datasets[0].ImageOrientationPatient, float), (2, 3))
    first, second = (np.array(one.ImagePositionPatient, float) for one in datasets[:2])
    step = (second - first) / np.linalg.norm(second - first)
    for dataset in datasets[from_index:to_index]:
        place = np.array(dataset.ImagePositionPatient, float) + step * along_mm + row * aside_mm
        dataset.ImagePositionPatient = [f"{v:.6f}" for v in place]
    return write(out, datasets)


def turned_slices(datasets, out, *, indices, degrees):
    """Some slices planned at a slightly other angle, about their row direction."""
    row, column = np.reshape(np.array(datasets[0].ImageOrientationPatient, float), (2, 3))
    angle = np.deg2rad(degrees)
    turned = np.cos(angle) * column + np.sin(angle) * np.cross(row, column)
    for index in indices:
        datasets[index].ImageOrientationPatient = [f"{v:.8f}" for v in (*row, *turned)]
    return write(out, datasets)


def compressed(datasets, out, compressor):
    """In a transfer syntax of an archive; compressor: ITK's name (JPEG is the lossless one)."""
    for number, dataset in enumerate(datasets):
        pixels = np.clip(dataset.pixel_array, 0, 4095).astype(np.uint16)
        image = sitk.GetImageFromArray(pixels)
        for tag, value in {"0028|0101": "12", "0028|0102": "11"}.items():
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        temporary = out.with_name("packed.dcm")
        writer.SetFileName(str(temporary))
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.Execute(image)
        packed = pydicom.dcmread(temporary)
        temporary.unlink()
        dataset.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
        dataset.PixelData = packed.PixelData
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        for tag in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
            dataset[tag] = packed[tag]
        save(dataset, out / f"IM{number:04d}.dcm")
    return out


def big_endian(datasets, out):
    """Explicit VR big endian, which is retired and still in archives."""
    for dataset in datasets:
        dataset.PixelData = dataset.pixel_array.astype(">i2").tobytes()
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
        dataset.is_little_endian, dataset.is_implicit_VR = False, False
    return write(out, datasets)


def run_length(datasets, out):
    """RLE Lossless."""
    for dataset in datasets:
        dataset.compress("1.2.840.10008.1.2.5")
    return write(out, datasets)


def datasets_of(scan):
    """A stack as the single-frame DICOM images of a scanner, 16 bits, in the scan's order."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    affine = scan.grid.stack_to_ras
    to_lps = np.diag([-1.0, -1.0, 1.0])
    _, row_mm, column_mm = scan.spacing_mm
    along_row, along_column = to_lps @ affine[:3, 2] / column_mm, to_lps @ affine[:3, 1] / row_mm
    low, high = np.percentile(scan.pixels, (1, 99))
    datasets = []
    for number, plane in enumerate(scan.pixels):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.preamble = bytes(128)
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = (
            "1.2.840.10008.5.1.4.1.1.4"
        )
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.FrameOfReferenceUID = frame
        new_uid(dataset)
        dataset.Modality, dataset.PatientID, dataset.SeriesNumber = "MR", "packed", 5
        dataset.SeriesDescription, dataset.InversionTime = "LGE SAX", 300.0
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "IR"]
        dataset.InstanceNumber = number + 1
        place = to_lps @ (affine[:3, :3] @ [number, 0, 0] + affine[:3, 3])
        dataset.ImagePositionPatient = [f"{v:.6f}" for v in place]
        dataset.ImageOrientationPatient = [f"{v:.8f}" for v in (*along_row, *along_column)]
        dataset.PixelSpacing = [f"{row_mm:.6f}", f"{column_mm:.6f}"]
        dataset.Rows, dataset.Columns = plane.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.WindowCenter, dataset.WindowWidth = float(low + high) / 2, float(high - low)
        dataset.PixelData = np.rint(plane).astype(np.int16).tobytes()
        datasets.append(dataset)
    return datasets
