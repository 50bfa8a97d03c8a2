"""Tells from a name, or from the looks of a value, whether the value is secret."""

import re

__all__ = ["is_telling", "looks_random"]

# In a name in lower case, with "_" before, behind and between its words.
_TELLING_NAME = re.compile(
    r"""token(?!s)|secret|passw|passphrase|passcode|pwd|cred|jwt|cookie|session|sessid|ticket|signature
    |captcha|csrf|xsrf|bearer|hmac|userinfo|private
    |auth(?!or(?!i[sz]))
    |key_|sid_|_(?:code|pass|pw|sig|sign|otp|pin|key|nonce|sesskey)_""",
    re.VERBOSE,
)

_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])", re.I)
_BASE64 = re.compile(r"[\w+/-]{20,}={1,2}")
# ISO 8601, in either format.
_DATE = re.compile(
    r"(?<![0-9A-Za-z])\d{4}-?\d\d-?\d\d(?:[T ]\d\d(?::?\d\d){1,2}(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"(?![0-9A-Za-z])"
)
_RUN = re.compile(r"[0-9A-Za-z]+")
_HEX = re.compile(r"(?=.*\d)(?=.*[A-Fa-f])[0-9A-Fa-f]+")
# "Word" is one part of a run, "v2" and "userId" are two.
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


def is_telling(name: str) -> bool:
    """Tell whether a name says that its value is secret, as `access_token` and `apiKey` do."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", "_", name).lower()
    return bool(_TELLING_NAME.search(f"_{words}_"))


def looks_random(text: str) -> bool:
    """Tell whether a text looks like a key rather than like words, numbers or dates.

    Such a text contains a UUID, or an unbroken run of letters and digits which is at least 24 long,
    or which changes between letters, digits and cases more often than words do.
    """
    if _UUID.search(text) or _BASE64.fullmatch(text):
        return True
    runs = _RUN.findall(_DATE.sub("", text))
    if any(map(_is_random, runs)):
        return True
    # base64url has a "-" or a "_" now and then.
    joined = "".join(runs)
    changes = sum(map(_changes, runs))
    return len(joined) >= 16 and _kinds(joined) == 3 and changes >= 0.28 * len(joined)


def _is_random(run: str) -> bool:
    length, changes = len(run), _changes(run)
    # "xxxxxxxxxxxxxxxx" and "0000000000000042" are long, but no keys.
    if length < 10 or 2 * len(set(run)) < min(length, 16):
        return False
    if changes >= 0.5 * (length - 1) and (length >= 12 or _kinds(run) == 3):
        return True
    if length < 16:
        return False
    if _HEX.fullmatch(run) or changes >= 0.3 * (length - 1):
        return True
    # Digits in several places.
    if sum(part.isdigit() for part in _PART.findall(run)) >= 2:
        return True
    is_camel_case = run.isalpha() and 0 < changes <= length / 5
    return length >= 24 and not is_camel_case


def _changes(run: str) -> int:
    return len(_PART.findall(run)) - 1


def _kinds(text: str) -> int:
    return sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", r"\d"))
