"""What a CSV file's rows become: typed, taken back to a date, and set aside by cause with line and field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import EnvironmentData
from tests.support.csv_files import PLAIN, data_of, nothing, plain_csv, rows_of, source_in

GOOD = "A1,K1,2024-01-05,2024-02-04,2024-02-01,10.50"


def extracted(root: Path, text: str, *, as_of: date | None = None, **options: object):  # type: ignore[no-untyped-def]
    (root / "i.csv").write_text(text, encoding="utf-8")
    mapping = options.pop("mapping", PLAIN)
    return source_in(root).extract(data_of("i.csv", mapping, **options), as_of, nothing)  # type: ignore[arg-type]


def causes(root: Path, *rows: str) -> dict[str, int]:
    """What is set aside of these rows, beside one good row."""
    with extracted(root, plain_csv(GOOD, *rows), max_share=1.0) as extract:
        assert extract.rows["invoices"] + sum(extract.set_aside.values()) == 1 + len(rows)
        return dict(extract.set_aside)


def test_amounts_are_decimals_with_four_places_never_floats(tmp_path: Path) -> None:
    with extracted(
        tmp_path, plain_csv("A1,K1,2024-01-05,2024-02-04,,0.1", "A2,K1,2024-01-05,2024-02-04,,99999999999999.9999")
    ) as e:
        assert [r[0] for r in rows_of(e, columns="amount")] == [Decimal("0.1000"), Decimal("99999999999999.9999")]


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1,234.5", ".", "1234.5"),
        ("1.234,50", ",", "1234.5"),
        ("-12.5", ".", "-12.5"),
        ("12,5-", ",", "-12.5"),
        ("1'234.50", ".", "1234.5"),
        ("1 234,50", ",", "1234.5"),
        ("+7", ".", "7"),
        (".5", ".", "0.5"),
        ("5.", ".", "5"),
        ("0.00005", ".", "0.0001"),
        ("(1,234.50)", ".", "-1234.5"),
        ("(12,5)", ",", "-12.5"),
    ],
)
def test_numbers_are_read_with_their_signs_and_groups(tmp_path: Path, text: str, decimal: str, value: str) -> None:
    # where a negative number is nothing odd
    mapping = {**PLAIN, "amount": {"constant": "1"}, "open_amount": {"column": "amount", "decimal": decimal}}
    with extracted(tmp_path, plain_csv(f'A1,K1,2024-01-05,2024-02-04,,"{text}"'), mapping=mapping) as extract:
        assert rows_of(extract, columns="open_amount") == [(Decimal(value),)]


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("$1,234.50", "$", "1234.5"),
        ("-$5", "$", "-5"),
        ("$-5.00", "$", "-5"),
        ("($1,234.50)", "$", "-1234.5"),
        ("$ 7", "$", "7"),
        ("7", "$", "7"),
        ("12.5 EUR", "EUR", "12.5"),
        ("12.5€-", "€", "-12.5"),
        ("R$ 3.20", "R$", "3.2"),
        ("$5", "€", None),
        ("$$5", "$", None),
        ("5 $ 5", "$", None),
        ("($5", "$", None),
        ("$", "$", None),
    ],
)
def test_a_currencys_mark_is_read_over_where_the_mapping_names_it(
    tmp_path: Path, text: str, mark: str, value: str | None
) -> None:
    mapping = {**PLAIN, "amount": {"constant": "1"}, "open_amount": {"column": "amount", "currencyMark": mark}}
    written = plain_csv(f'A1,K1,2024-01-05,2024-02-04,,"{text}"', "A2,K1,2024-01-05,2024-02-04,,1")
    with extracted(tmp_path, written, mapping=mapping, max_share=1.0) as extract:
        found = dict(rows_of(extract, columns="invoice, open_amount"))
    assert found.get("A1") == (Decimal(value) if value else None)


@pytest.mark.parametrize(("amount", "reason"), [("-1", "negative-amount"), ("0", "zero-amount")])
def test_a_credit_note_and_an_amount_of_zero_are_left_out_and_stop_nothing(
    tmp_path: Path, amount: str, reason: str
) -> None:
    with extracted(tmp_path, plain_csv(GOOD, f"A9,K1,2024-01-05,2024-02-04,,{amount}"), max_share=0) as extract:
        assert extract.excluded == {reason: 1} and not extract.set_aside
        assert extract.rows == {"invoices": 1}
        assert [(each.rows, each.line, each.did) for each in extract.findings] == [(1, 3, "left out")]


CURRENCIES = {**PLAIN, "currency": "currency", "accounting_amount": "own"}


def _in_currencies(*rows: str) -> str:
    head = "invoice,customer,invoice_date,due_date,settled_date,amount,currency,own"
    return "\n".join([head, *(f"A{i},K1,2024-01-05,2024-02-04,,{row}" for i, row in enumerate(rows))]) + "\n"


def test_an_invoice_in_another_currency_without_a_rate_is_set_aside(tmp_path: Path) -> None:
    text = _in_currencies("10,EUR,10", "20,EUR,", "30,USD,27", "40,USD,", "50,,")
    with extracted(tmp_path, text, mapping=CURRENCIES, max_share=1.0) as extract:
        assert extract.set_aside == {"invoices: no amount in the company's currency (accounting_amount)": 1}
        assert [row[0] for row in rows_of(extract, columns="invoice")] == ["A0", "A1", "A2", "A4"]


def test_several_currencies_without_a_common_one_are_refused_with_line_counts_and_what_to_do(tmp_path: Path) -> None:
    mapping = {**PLAIN, "currency": "currency"}
    text = _in_currencies("10,EUR,", "20,USD,", "30,EUR,", "40,Mrs Smith,", "0,USD,", "-5,USD,")
    with pytest.raises(AuthorMustFix) as refused, extracted(tmp_path, text, mapping=mapping):
        pass
    assert "several currencies" in refused.value.message
    assert "2 in EUR, 1 in USD, 1 in no code; the first at line 2" in refused.value.message
    assert refused.value.next_step.startswith("map accounting_amount")
    assert 'where: [{field: "currency", op: eq, value: EUR}]' in refused.value.next_step


def test_the_file_of_several_that_has_the_first_of_several_currencies_is_named(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.csv").write_text(_in_currencies("10,,"))
    (tmp_path / "parts/b.csv").write_text(_in_currencies("10,EUR,", "20,USD,").replace("A", "B"))
    data = data_of("parts", {**PLAIN, "currency": "currency"})
    with pytest.raises(AuthorMustFix, match=r"the first at parts/b\.csv line 2"):
        source_in(tmp_path).extract(data, None, nothing).__enter__()


@pytest.mark.parametrize("text", ["10,EUR,|20,USD,", "10,EUR,|20,EUR,", "10,EUR,|20,,"])
def test_one_currency_in_each_legal_entity_needs_no_common_one(text: str, tmp_path: Path) -> None:
    mapping = {**PLAIN, "currency": "currency"}
    if "USD" in text:
        mapping["legal_entity"] = "currency"
    with extracted(tmp_path, _in_currencies(*text.split("|")), mapping=mapping) as extract:
        assert extract.rows == {"invoices": 2}


def test_a_settlement_is_known_when_it_was_recorded(tmp_path: Path) -> None:
    text = plain_csv("A1,K1,2024-01-05,2024-02-04,2024-02-01,1").replace("amount", "amount,recorded", 1)
    text = text.replace("2024-02-01,1\n", "2024-02-01,1,2024-02-20\n")
    mapping = {**PLAIN, "known_date": "recorded"}
    for day, settled in ((date(2024, 2, 19), None), (date(2024, 2, 20), date(2024, 2, 1))):
        with extracted(tmp_path, text, as_of=day, mapping=mapping) as extract:
            assert rows_of(extract, columns="settled_date") == [(settled,)]


@pytest.mark.parametrize(
    "text",
    ["12,5", "1,23,4", "1e5", "nan", "inf", "0x10", "12.5 EUR", "$5", "--5", "-5-", "(5", "(-5)", "()", "1" * 15, "٣"],
)
def test_a_text_that_is_no_amount_is_set_aside(tmp_path: Path, text: str) -> None:
    assert causes(tmp_path, f'A2,K1,2024-01-05,2024-02-04,,"{text}"') == {"invoices: unparseable amount (amount)": 1}


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("A2,K1,2024-02-30,2024-03-04,,1", "impossible date (invoice_date)"),
        ("A2,K1,2024-01-05,0204-02-04,,1", "impossible date (due_date)"),
        ("A2,K1,2024-01-05,2024-02-04,soon,1", "impossible date (settled_date)"),
        ("A2,K1,,2024-02-04,,1", "missing (invoice_date)"),
        ("A2, ,2024-01-05,2024-02-04,,1", "missing (customer)"),
        ("A2,K1,2024-01-05,2024-02-04,,", "missing (amount)"),
        ("A2,K1,2024-01-05,2024-01-04,,1", "due before the invoice date (due_date)"),
        ("A2,K1,2024-01-05,2024-02-04,2024-01-04,1", "settled before the invoice date (settled_date)"),
        ("A2,K1,2024-01-05,2024-02-04,2031-01-04,1", "in the future (settled_date)"),
        ("A2,K1,2031-01-05,2031-02-04,,1", "in the future (invoice_date)"),
        ("A2,K1,2024-01-05,2024-02-04,,1,more", "wrong number of columns"),
        ("A2,K1,2024-01-05", "wrong number of columns"),
        ("A2,K\0,2024-01-05,2024-02-04,,1", "a NUL character"),
        (f"{'A' * 201},K1,2024-01-05,2024-02-04,,1", "longer than 200 characters (invoice)"),
    ],
)
def test_a_bad_row_is_counted_by_its_cause_and_field(tmp_path: Path, row: str, cause: str) -> None:
    assert causes(tmp_path, row) == {f"invoices: {cause}": 1}


def test_all_rows_of_a_doubled_key_are_set_aside(tmp_path: Path) -> None:
    twin = "A2,K1,2024-01-05,2024-02-04,,1"
    assert causes(tmp_path, twin, twin, twin.replace(",1", ",2")) == {"invoices: doubled key (invoice)": 3}


def test_rows_of_one_invoice_with_several_due_dates_are_named_as_that(tmp_path: Path) -> None:
    first = "A2,K1,2024-01-05,2024-02-04,,1"
    second = first.replace("2024-02-04", "2024-03-04")
    twin = first.replace("A2", "A3")
    assert causes(tmp_path, first, second, twin, twin) == {
        "invoices: several due dates, and no instalment tells them apart (due_date)": 2,
        "invoices: doubled key (invoice)": 2,
    }


def test_instalments_make_rows_of_one_invoice_different(tmp_path: Path) -> None:
    text = "part," + plain_csv("1," + GOOD, "2," + GOOD).replace("\n", "\n", 1)
    with extracted(tmp_path, text, mapping={**PLAIN, "instalment": "part"}) as extract:
        assert rows_of(extract, columns="invoice, instalment") == [("A1", 1), ("A1", 2)]


def test_without_a_mapped_instalment_every_row_is_instalment_one(tmp_path: Path) -> None:
    with extracted(tmp_path, plain_csv(GOOD)) as extract:
        assert rows_of(extract, columns="instalment") == [(1,)]


def test_bad_rows_are_named_by_the_line_on_which_they_begin(tmp_path: Path) -> None:
    text = plain_csv(GOOD, '"A2\n2",K1,2024-01-05,2024-02-04,,1', "", "A3,K1,2024-01-05,bad,,1")
    with extracted(tmp_path, text, max_share=1.0) as extract:
        assert [(row.line, row.cause, row.field) for row in extract.examples] == [
            (6, "impossible date", "invoices.due_date")
        ]
        assert rows_of(extract, columns="invoice") == [("A1",), ("A2 2",)]


def test_more_bad_rows_than_are_borne_stop_it_and_show_causes_and_lines_but_no_value(tmp_path: Path) -> None:
    rows = [GOOD.replace("A1", f"A{i}") for i in range(98)]
    bad = ["SECRET-1,K1,2024-01-05,SECRET-2,,1", "SECRET-3,K1,2024-01-05,2024-02-04,,SECRET-4"]
    with pytest.raises(AuthorMustFix) as caught, extracted(tmp_path, plain_csv(*rows, *bad), max_share=0.019):
        pass
    assert "2 of 100 rows of invoices are bad" in caught.value.message
    assert "line 100: impossible date (due_date)" in caught.value.message
    assert "line 101: unparseable amount (amount)" in caught.value.message
    assert "SECRET" not in caught.value.message + caught.value.next_step
    with extracted(tmp_path, plain_csv(*rows, *bad), max_share=0.02) as extract:
        assert extract.rows == {"invoices": 98}


def test_taken_back_to_a_date_later_invoices_are_gone_and_later_payments_open(tmp_path: Path) -> None:
    text = "left," + plain_csv(
        "0,A1,K1,2024-01-05,2024-02-04,2024-02-01,10", "0,A2,K1,2024-01-06,2024-02-05,2024-02-02,10",
        "5,A3,K1,2024-01-07,2024-02-05,,10", "9,A4,K1,2024-02-02,2024-03-05,,10",
    )  # fmt: skip
    mapping = {**PLAIN, "open_amount": "left"}
    with extracted(tmp_path, text, mapping=mapping, as_of=date(2024, 2, 1)) as extract:
        assert rows_of(extract, columns="invoice, settled_date, open_amount") == [
            ("A1", date(2024, 2, 1), Decimal(0)),
            ("A2", None, None),
            ("A3", None, Decimal(5)),
        ]
        assert extract.data_date == date(2024, 2, 1)


def test_without_a_date_the_newest_posting_is_the_data_date(tmp_path: Path) -> None:
    later = "A2,K1,2024-01-09,2024-12-31,2024-02-03,1"
    with extracted(tmp_path, plain_csv(GOOD, later)) as extract:
        assert extract.data_date == date(2024, 2, 3)


def test_a_bad_row_does_not_set_the_data_date(tmp_path: Path) -> None:
    with extracted(tmp_path, plain_csv(GOOD, "A2,K1,2024-05-01,2024-02-04,,1"), max_share=1.0) as extract:
        assert extract.data_date == date(2024, 2, 1)


def test_the_columns_say_when_they_are_known(tmp_path: Path) -> None:
    text = "how,odd," + plain_csv("paper,yes," + GOOD)
    mapping = {**PLAIN, "delivery": {"column": "how", "knownAt": "invoice-date"}, "disputed": "odd"}
    with extracted(tmp_path, text, mapping=mapping) as extract:
        known = {column.name: column.known_at for column in extract.columns["invoices"]}
    assert (known["delivery"], known["disputed"], known["settled_date"], known["amount"]) == (
        "invoice-date", "later", "later", "invoice-date",
    )  # fmt: skip


def test_yes_and_no_are_read_as_the_mapping_says(tmp_path: Path) -> None:
    text = "odd," + plain_csv("S," + GOOD, "N," + GOOD.replace("A1", "A2"), "," + GOOD.replace("A1", "A3"))
    mapping = {**PLAIN, "disputed": {"column": "odd", "trueValues": ["s"], "falseValues": ["n"]}}
    with extracted(tmp_path, text, mapping=mapping) as extract:
        assert rows_of(extract, columns="disputed") == [(True,), (False,), (None,)]


def test_texts_that_mean_no_value_are_no_value(tmp_path: Path) -> None:
    with extracted(tmp_path, plain_csv("A1,K1,2024-01-05,2024-02-04,1900-01-01,1"), null_values=["1900-01-01"]) as e:
        assert rows_of(e, columns="settled_date") == [(None,)]


def customers(root: Path, *rows: str, max_share: float = 1.0) -> EnvironmentData:
    (root / "i.csv").write_text(plain_csv(GOOD))
    (root / "c.csv").write_text("\n".join(["company,account,land", *rows]) + "\n")
    invoices = data_of("i.csv", PLAIN).model_dump(by_alias=True)["invoices"]
    written = {
        "source": {"kind": "csv", "path": "c.csv"},
        "mapping": {"legal_entity": "company", "customer": "account", "country": "land"},
    }
    return EnvironmentData.model_validate(
        {"invoices": invoices, "customers": written, "badRows": {"maxShare": max_share}}
    )


def test_identical_customer_rows_are_one_and_differing_ones_are_set_aside(tmp_path: Path) -> None:
    data = customers(tmp_path, "de,K1,DE", "de,K1,DE", "de,K2,DE", "de,K2,AT", "us,K2,US", ",K3,DE", ",K3,AT")
    with source_in(tmp_path).extract(data, None, nothing) as extract:
        assert rows_of(extract, "customers") == [("de", "K1", "DE"), ("us", "K2", "US")]
        assert extract.set_aside == {"customers: rows of one customer differ (customer)": 4}


def test_a_field_that_the_task_does_not_know_is_refused_with_the_closest_one(tmp_path: Path) -> None:
    with pytest.raises(AuthorMustFix) as caught, extracted(tmp_path, plain_csv(GOOD), mapping={**PLAIN, "amunt": "x"}):
        pass
    assert "amunt" in caught.value.message
    assert "amount" in caught.value.next_step


def test_a_required_field_without_a_mapping_is_refused(tmp_path: Path) -> None:
    mapping = {name: column for name, column in PLAIN.items() if name != "amount"}
    with pytest.raises(AuthorMustFix, match="lacks amount"), extracted(tmp_path, plain_csv(GOOD), mapping=mapping):
        pass


def test_a_column_that_is_not_there_is_refused_with_the_closest_one(tmp_path: Path) -> None:
    with (
        pytest.raises(AuthorMustFix) as caught,
        extracted(tmp_path, plain_csv(GOOD), mapping={**PLAIN, "amount": "amounts"}),
    ):
        pass
    assert "did you mean 'amount'?" in caught.value.next_step


def test_names_and_texts_with_quotes_stay_texts(tmp_path: Path) -> None:
    text = plain_csv(GOOD).replace("customer,", '"it\'s; DROP TABLE x --",')
    mapping = {
        **PLAIN,
        "customer": "it's; DROP TABLE x --",
        "legal_entity": {"constant": "O'Neil; DROP TABLE invoices"},
    }
    with extracted(tmp_path, text, mapping=mapping, null_values=["'); --"]) as extract:
        assert rows_of(extract, columns="legal_entity, customer") == [("O'Neil; DROP TABLE invoices", "K1")]


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"])
@pytest.mark.parametrize(("zone", "day"), [("UTC", 1), ("Europe/Oslo", 2), ("America/New_York", 1)])
def test_a_moment_with_a_z_is_one_of_utc_and_falls_on_its_day_in_the_time_zone(
    tmp_path: Path, form: str, zone: str, day: int
) -> None:
    mapping = {**PLAIN, "settled_date": {"column": "settled_date", "dateFormat": form}}
    text = plain_csv("A1,K1,2024-01-05,2024-02-04,2024-02-01T23:30:00Z,10.50")
    (tmp_path / "i.csv").write_text(text, encoding="utf-8")
    data = data_of("i.csv", mapping).model_dump(mode="json", by_alias=True, exclude_unset=True)
    data["invoices"]["timeZone"] = zone
    with source_in(tmp_path).extract(EnvironmentData.model_validate(data), None, nothing) as extract:
        assert rows_of(extract, columns="settled_date") == [(date(2024, 2, day),)]
        assert [finding.field for finding in extract.findings] == ["settled_date"] * (zone == "Europe/Oslo")


def test_a_z_after_a_day_alone_moves_nothing(tmp_path: Path) -> None:
    mapping = {**PLAIN, "settled_date": {"column": "settled_date", "dateFormat": "%Y-%m-%dZ"}}
    text = plain_csv("A1,K1,2024-01-05,2024-02-04,2024-02-01Z,10.50")
    with extracted(tmp_path, text, mapping=mapping) as extract:
        assert rows_of(extract, columns="settled_date") == [(date(2024, 2, 1),)]


def test_rows_read_are_those_of_the_source_that_were_asked_for_whatever_becomes_of_them(tmp_path: Path) -> None:
    text = plain_csv(GOOD, "A9,K1,2024-01-05,2024-02-04,,-1", "B1,K1,2024-13-05,2024-02-04,,1", "C1,K1,2029-01-05,,,1")
    with extracted(tmp_path, text, as_of=date(2024, 6, 30), max_share=1.0) as extract:
        assert (extract.read, extract.rows) == ({"invoices": 4}, {"invoices": 1})
