"""Where in somebody's own code an exception came from."""

from collections.abc import Callable

__all__ = ["place_of"]


def place_of(error: BaseException, name_of: Callable[[str], str]) -> str:
    """Return the place in the code of a callback, such as "in plot, In[3], line 5".

    It is the innermost line in the file of the callback, as that is what its author can mend; what
    the callback calls in libraries is below that.

    Args:
        error: What was raised by a callback, and caught by who called it.
        name_of: Returns how a file is to be named.

    Returns:
        The place, or "" if the callback is no Python code.
    """
    caller = error.__traceback__
    step = caller and caller.tb_next
    if step is None:
        return ""
    file = step.tb_frame.f_code.co_filename
    place = step
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            place = step
        step = step.tb_next
    return f"in {place.tb_frame.f_code.co_name}, {name_of(file)}, line {place.tb_lineno}"
