"""The tests, in the folders of the package, and in `system` what starts other programs."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
