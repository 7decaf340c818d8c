"""Each frame of an enhanced object has tags of its own."""

import enhanced_packings

import packings
from acsnet.io.dicom_files import read_header
from acsnet.io.dicom_stack.frames import frames_of


def test_what_is_set_for_one_frame_is_not_set_for_another(samples, tmp_path):
    patient = packings.slices(samples / "dicom" / "phantom-1")
    patient[0].EchoTime = 1.0  # beside that of each frame
    enhanced_packings.enhanced_multi_frame(patient, tmp_path)
    (path,) = tmp_path.iterdir()
    file, _ = read_header(path, path.name)
    for number, groups in enumerate(file.header.PerFrameFunctionalGroupsSequence):
        groups.MREchoSequence = [enhanced_packings.item(EffectiveEchoTime=2.0 + number)]
    frames = frames_of(file)
    assert [frame.text("InstanceNumber") for frame in frames] == list("12345678")
    assert [float(frame.text("EchoTime")) for frame in frames] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert (file.text("NumberOfFrames"), file.text("EchoTime")) == ("8", "1.0")
    assert [frame.name for frame in frames_of(file)] == [frame.name for frame in frames]
