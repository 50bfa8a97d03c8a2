"""What a console costs, beside the least that it could: `python -m tests.benchmark`.

Prints a table in Markdown. Every figure is a ratio or a count of things measured in one run on one
machine, and the median of several rounds. A real kernel receives, a real JupyterLab and a real
Chromium show, and the sender runs in a process of its own.
"""
