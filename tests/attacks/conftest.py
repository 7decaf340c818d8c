"""A server in this process with all its limits, and hostile clients that send to it."""

from pathlib import Path

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("attacks")
