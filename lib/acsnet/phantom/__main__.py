"""`python -m acsnet.phantom --output sample-data` writes the sample patients."""

import argparse
from pathlib import Path

from acsnet.phantom.samples import write_samples

parser = argparse.ArgumentParser(prog="python -m acsnet.phantom", description=__doc__)
parser.add_argument("--output", type=Path, required=True, help="folder to write to")
write_samples(parser.parse_args().output)
