"""What a test wrote."""


def files_with_times(folder, *, leave_out):
    """The files below a folder but for one part of it -> when each was written, in nanoseconds."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(leave_out)
    }
