"""Texts are matched as `re` matches them, but never for long."""

import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.errors import InputError
from ipywsecho.view import matching
from ipywsecho.view.matching import LARGE, TooSlowError, matcher_of

# As `re` matches


def by_re(pattern: str, flags: str) -> Callable[[str], bool]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = re.compile(pattern, sum(getattr(re, flag.upper()) for flag in set(flags)))
    return lambda text: found.search(text) is not None


LETTERS = "abAB1_ .-\n{}[],:#é"
# An empty text has a place \\B for some versions of Python, and none for others.
TEXTS = st.text(LETTERS, min_size=1, max_size=12)
ATOMS = st.sampled_from(
    [
        *"abAB1_:,.{}^$",
        *(r"\d", r"\w", r"\s", r"\S", r"\b", r"\B", r"\A", r"\Z", r"\.", r"\[", r"\{", r"\x61"),
        *("{a}", "{}", r"\N{COLON}", "[ab]", "[^a]", "[a-z]", "[]a]", "[[a]", "[a[]", "[{e}]"),
        *(r"[\]\[]", r"[\\[:a]", "[[:digit:]]", "[a||b]", "[a--b]", "[a&&b]"),
    ]
)
QUANTIFIERS = st.sampled_from(
    ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{,2}", "{2}?", "{e<=1}"]
)
PATTERNS = st.recursive(
    st.builds(str.__add__, ATOMS, QUANTIFIERS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        st.builds(
            lambda start, middle, quantifier: f"{start}{middle}){quantifier}",
            st.sampled_from(["(", "(?:", "(?=", "(?!", "(?i:"]),
            inner,
            QUANTIFIERS,
        ),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.text("imsx", max_size=2), st.lists(TEXTS, max_size=6))
def test_ordinary_expressions_match_as_those_of_re_do(
    pattern: str, flags: str, texts: list[str]
) -> None:
    try:
        expected = by_re(pattern, flags)
    except re.error:
        with pytest.raises(InputError):
            matcher_of(f"/{pattern}/{flags}")
        return

    matches = matcher_of(f"/{pattern}/{flags}")

    for text in [*texts, pattern]:
        assert matches(text) is expected(text)


@given(st.text("imsx", max_size=3), st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_an_escaped_text_finds_itself(flags: str, text: str, around: str) -> None:
    assert matcher_of(f"/{re.escape(text)}/{flags.replace('x', '')}")(around + text + around)


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("/users/{id}/", "users/{id}", True),
        ("/(?:foo){e<=1}/", "fo", False),
        ("/(?:foo){e<=1}/", "foo{e<=1}", True),
        ("/[[:alpha:]]/", "x", False),
        ("/[[:alpha:]]/", ":]", True),
        (r"/(?P<q>['\"]).*?(?P=q)/", "say 'hey'", True),
        (r"/(\w)\1/", "hello", True),
        (r"/(?<=\$)\d+(?!\.)/", "$12", True),
        ("/(?x) a  # letter\n b{2} /", "abb", True),
        ("/(?i)STRASSE/", "strasse", True),
    ],
)
def test_the_syntax_is_that_of_re(pattern: str, text: str, is_found: bool) -> None:
    assert matcher_of(pattern)(text) is is_found


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a{99999999999}", "the repetition number is too large"),
        (r"\p{L}", "bad escape"),
        ("(?R)", "unknown extension"),
        ("(?<=a+)b", "look-behind requires fixed-width pattern"),
        ("(" * 120 + ")" * 119, r"missing \)"),
    ],
)
def test_what_re_rejects_is_rejected(pattern: str, problem: str) -> None:
    with pytest.raises(InputError, match=rf"is not a valid regular expression \({problem}"):
        matcher_of(f"/{pattern}/")


# Limits


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(a+)+$", "a" * 28 + "b"), (r"^(\w+\s?)*$", "word " * 20 + "!")],
)
def test_a_search_that_takes_re_ages_is_made(pattern: str, text: str) -> None:
    assert matcher_of(f"/{pattern}/")(text) is False


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(a|aa)+$", "a" * 60 + "b"), ("(aaa|aa|a)+$", "a" * 60 + "b")],
)
def test_a_search_that_would_take_ages_is_given_up(pattern: str, text: str) -> None:
    matches = matcher_of(f"/{pattern}/")

    with pytest.raises(TooSlowError, match=r"not matched within \d\.\d\d s") as caught:
        matches(text)

    assert caught.value.seconds > 0
    assert matches("") is False


def test_a_search_that_needs_too_much_memory_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_SECONDS", 3600)

    with pytest.raises(TooSlowError):
        matcher_of("/(?:(a)|b)+$/")("ab" * 10_000_000 + "c")


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" * 30 + "a" + "){2}" * 30,
        "(((a{99}){99}){99}){99}",
        "(?:(?:(?:a{99}|b){99}|c){99}|d){99}",
        ".{5000000}",
        "(?x) ((( a {99} ) {99} ) {99} )",
        "(?x)((a{999} # )\n){999})",
        "(?x:a)#(((a{99}){99}){99}){99}",
        "[[]{9999}[]]{9999}",
    ],
)
def test_an_expression_that_would_take_gigabytes_is_rejected(pattern: str) -> None:
    with pytest.raises(InputError, match=r"repeats too much \([\d,]+ steps, at most 10,000\); use"):
        matcher_of(f"/{pattern}/")


@pytest.mark.parametrize("group", ["(?-x:", "(?i-sx:"])
def test_an_expression_that_is_verbose_except_for_a_part_is_measured(group: str) -> None:
    with pytest.raises(InputError, match="repeats too much"):
        matcher_of(f"/{group}#(((a{{99}}){{99}}){{99}}){{99}})/x")


@pytest.mark.parametrize(
    "pattern",
    [
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}",
        "((((a{1,1000}){1,1000}){1,1000}){1,1000})",
        "x{1000}",
        "[{]{3}",
        "(?#{99}{99}{99})a",
    ],
)
def test_an_expression_of_a_usual_size_is_accepted(pattern: str) -> None:
    assert matcher_of(f"/{pattern}/")("") is False


def test_a_long_expression_is_rejected_in_a_short_line() -> None:
    with pytest.raises(InputError, match=r"/x{20}…/ is too long .*251 characters, at most 250"):
        matcher_of(f"/{'x' * 251}/")

    assert matcher_of(f"/{'x' * 250}/")("x" * 250)
    assert matcher_of("y" + "x" * 10_000)("y" + "x" * 10_001)


# Large texts


@pytest.mark.parametrize("length", [LARGE - 1, LARGE + 1, 99_999, 100_000, 100_001, 350_000])
@pytest.mark.parametrize("needle", ["Straße", "x", "/STRASSE/i", "/e$/"])
def test_a_text_is_found_at_either_end_of_a_large_text(length: int, needle: str) -> None:
    filling = "é" * length

    found = [
        matcher_of(needle)(text)
        for text in (f"strassex{filling}", f"{filling}STRASSE x strasse", filling)
    ]

    assert found[1:] == [True, False]
    assert found[0] is (needle != "/e$/")


@given(st.text("abß", max_size=30), st.text("abß", max_size=12), st.integers(1, 7))
def test_a_text_is_found_across_pieces(text: str, needle: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_PIECE", piece)

        assert matcher_of(needle)(text) is (needle.casefold() in text.casefold())


def test_other_threads_go_on_while_a_large_text_is_searched() -> None:
    matches, text = matcher_of(r"/\w+\s/"), "a" * 2_000_000
    start = perf_counter()
    gaps, last = [], start

    with ThreadPoolExecutor() as pool:
        searching = pool.submit(matches, text)
        while not searching.done():
            wait([searching], 0.001)
            gaps.append(perf_counter() - last)
            last += gaps[-1]

    assert isinstance(searching.exception(), TooSlowError)
    assert max(gaps) < (last - start) / 3
