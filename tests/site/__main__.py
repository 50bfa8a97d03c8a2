"""Builds the site: `python -m tests.site OUT [--offline]`.

The extra `site` installs what this needs. Any static host can serve the result.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.site.building import SiteError, build_site


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds the site, and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.site",
        description="Build a web site on which the lessons run inside the browser.",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder, new or empty")
    parser.add_argument(
        "--offline",
        action="store_true",
        help="put Pyodide itself into the site, so that the page asks no other host; there are no "
        "pandas, matplotlib, Pillow and regex then",
    )
    options = parser.parse_args(arguments)
    try:
        build_site(options.out, offline=options.offline)
    except SiteError as exc:
        print(f"tests.site: error: {exc}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
