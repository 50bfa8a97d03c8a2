"""What all tests have in common."""

from hypothesis import settings

# The same examples everywhere and each time, however slow the machine is.
settings.register_profile("reproducible", deadline=None, derandomize=True, database=None)
settings.load_profile("reproducible")
