"""Windows of the header as they fit the values of a stack, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from acsnet.io.dicom_stack.windows import fitting_windows

STORED = "the window in the file is given in stored values: it was rescaled like the pixels"


def fitted(windows, *, slopes=(1.0, 1.0, 1.0), intercepts=(0.0, 0.0, 0.0), signal=(0.0, 1000.0)):
    """The windows of three slices, and remarks; signal: the darkest and the brightest."""
    images = [
        SimpleNamespace(slope=slope, intercept=intercept, rescaled=False)
        for slope, intercept in zip(slopes, intercepts, strict=True)
    ]
    pixels = np.linspace(*signal, 3000, dtype=np.float32).reshape(3, 20, 50)
    clean = SimpleNamespace(pixels=pixels, signal=None, even=True)
    out, remarks = fitting_windows(np.array(windows, np.float32), images, clean)
    return out.tolist(), remarks


def test_a_window_whose_upper_end_is_the_brightest_signal_is_of_rescaled_values():
    # 500 + 1000 / 2 = 1000; as stored values it would end at 2000.
    windows = [[500.0, 1000.0]] * 3
    assert fitted(windows, slopes=(2.0, 2.0, 2.0)) == (windows, ())


@pytest.mark.parametrize(
    ("window", "about", "rescaled"),
    [
        # Of two slices of three: 2 * 250 + 2 * 500 / 2 = 1000.
        ([250, 500], {"slopes": (1, 2, 2)}, [[250, 500], [500, 1000], [500, 1000]]),
        # 500 - 400 + 1000 / 2 = 600.
        (
            [500, 1000],
            {"intercepts": (0, -400, -400), "signal": (0.0, 600.0)},
            [[500, 1000], [100, 1000], [100, 1000]],
        ),
        # Inverted: stored 100 to 500 is 900 to 500.
        ([300, 400], {"slopes": (-1, -1, -1), "intercepts": (1000,) * 3}, [[700, 400]] * 3),
    ],
)
def test_a_window_of_stored_values_is_rescaled_slice_by_slice(window, about, rescaled):
    assert fitted([window] * 3, **about) == (rescaled, (STORED,))


def test_signal_of_one_value_does_not_tell_what_a_window_is_of():
    windows = [[250.0, 500.0]] * 3
    assert fitted(windows, slopes=(2.0, 2.0, 2.0), signal=(1000.0, 1000.0)) == (windows, ())
