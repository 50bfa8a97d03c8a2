"""How the verdicts of the Autobahn suite are compared."""

from tests.system.autobahn import Difference, best, differences


def verdict(behavior: str, closing: str = "OK", code: int | None = 1000) -> dict[str, object]:
    return {"behavior": behavior, "behaviorClose": closing, "remoteCloseCode": code}


def test_equal_verdicts_are_no_difference() -> None:
    verdicts = {"1.1.1": verdict("OK"), "7.1.5": verdict("FAILED", "WRONG CODE", 1002)}

    assert list(differences(verdicts, dict(verdicts))) == []


def test_worse_and_better_verdicts_are_distinguished_in_the_order_of_the_cases() -> None:
    reference = {"10.1.1": verdict("OK"), "2.1": verdict("NON-STRICT")}
    ours = {"10.1.1": verdict("OK", "UNCLEAN"), "2.1": verdict("OK")}

    assert list(differences(reference, ours)) == [
        Difference("2.1", "behavior", "NON-STRICT", "OK", is_worse=False),
        Difference("10.1.1", "behaviorClose", "OK", "UNCLEAN", is_worse=True),
    ]


def test_a_different_close_code_alone_is_not_worse() -> None:
    found = list(differences({"7.7.1": verdict("OK")}, {"7.7.1": verdict("OK", code=None)}))

    assert found == [Difference("7.7.1", "remoteCloseCode", 1000, None, is_worse=False)]


def test_a_case_without_a_verdict_counts_as_failed() -> None:
    found = list(differences({"1.1.1": verdict("OK")}, {}))

    assert [each.aspect for each in found if each.is_worse] == ["behavior", "behaviorClose"]


def test_the_best_verdict_of_several_passes_counts() -> None:
    passes = [{"3.4": verdict("NON-STRICT")}, {"3.4": verdict("OK")}, {}]

    assert best(passes) == {"3.4": verdict("OK")}
