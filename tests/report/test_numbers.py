"""How numbers are written."""

from relubloom.report.numbers import decimal, figure, percent, spans


def test_shares_never_round_to_all_or_nothing() -> None:
    assert percent(1.0) == "100\u00a0%"
    assert percent(0.0) == "0\u00a0%"
    assert percent(0.9999999) == "99.99999\u00a0%"
    assert percent(3.6e-7) == "0.00004\u00a0%"
    assert percent(1 - 1e-12) == "over 99.999999\u00a0%"
    assert figure(0.0037400) == "0.00374"
    assert figure(1.5e-7) == "1.50\u00a0×\u00a010⁻⁷"


def test_decimals_and_spans_by_hand() -> None:
    assert decimal(-0.0912) == "\u22120.091"
    assert decimal(-0.0001) == "0.000"
    assert decimal(0.9137) == "0.914"
    assert spans([]) == ""
    assert spans([3, 9, 10, 11]) == "3, 9 to 11"
    assert spans([1, 2, 4]) == "1, 2, 4"
