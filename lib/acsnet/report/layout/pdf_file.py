"""Pages as a PDF file."""

from collections.abc import Callable, Sequence
from io import BytesIO

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure


def pdf_bytes(title: str, make_pages: Callable[[], Sequence[Figure]]) -> bytes:
    """The bytes of a PDF file, the same for the same pages; make_pages: draws them."""
    stream = BytesIO()
    # No creation date: the same pages give the same file.
    about = {"Title": title, "CreationDate": None}
    with (
        rc_context({"pdf.fonttype": 42, "hatch.linewidth": 0.5}),
        PdfPages(stream, metadata=about) as file,
    ):
        for page in make_pages():
            file.savefig(page)
    return stream.getvalue()
