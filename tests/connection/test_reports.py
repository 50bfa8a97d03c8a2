"""What a connection knows of its secrets."""

from ipywsecho.connection.reports import Reports
from ipywsecho.masking import secrets_of


def test_the_secrets_of_a_redirect_last_until_the_next_one() -> None:
    first, second, third = (
        f"ws://h/?token={word}" for word in ("abcd1234", "efgh5678", "ijkl9012")
    )
    reports = Reports(first, {}, lambda _: None, lambda: 0.0)

    reports.follow(second)
    reports.follow(third)

    assert reports.secrets == secrets_of(first) | secrets_of(third)
