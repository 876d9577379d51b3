"""Findings of an audit: their order, their names, and what is written of them."""

import pytest

from breastseg.data.audit.findings import SEVERITIES, Finding, by_severity, listed


def finding(severity: str, check: str) -> Finding:
    return Finding(severity, check, "a sentence", "what to do", {"names": ["a", "b"]})


def test_leaks_come_first_and_all_else_stays_in_order() -> None:
    given = [finding(severity, str(k)) for k, severity in enumerate(SEVERITIES[::-1] * 2)]
    found = by_severity(given)
    assert [one.severity for one in found] == [name for name in SEVERITIES for _ in range(2)]
    assert [one.check for one in found] == ["2", "5", "1", "4", "0", "3"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "n0"),
        (3, "n0, n1, n2"),
        (4, "n0, n1, n2 and 1 more"),
        (2000, "n0, n1, n2 and 1,997 more"),
    ],
)
def test_the_first_names_and_how_many_more(count: int, text: str) -> None:
    assert listed([f"n{k}" for k in range(count)]) == text


def test_what_is_written_is_a_copy() -> None:
    one = finding("note", "x")
    written = one.to_dict()
    written["numbers"]["names"].append("c")  # type: ignore[attr-defined]
    assert one.numbers == {"names": ["a", "b"]}
