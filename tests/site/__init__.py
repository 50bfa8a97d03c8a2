"""Builds the web site on which the lessons run inside the browser: `python -m tests.site OUT`."""
