"""First contact: one truth, written in many styles, comes back as the same mapped rows, with reasons."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.first_contact import Proposal, propose
from reconciler.core.proposed import Seen
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import EnvironmentData
from tests.support.csv_files import (
    ENGLISH,
    FIELDS,
    FRENCH,
    GERMAN,
    SAP,
    Invoice,
    Style,
    made_invoices,
    nothing,
    render,
    rows_of,
    source_in,
)
from tests.support.looking import looked_at

TRUTH = made_invoices(150)
AMBIGUOUS = [
    i
    for i in made_invoices(600, days=650, latest_day=12)
    if i.due_date.day <= 12 and (i.settled_date is None or i.settled_date.day <= 12)
]
NAMELESS = {name: f"column {number}" for number, name in enumerate(FIELDS)}


def looked(path: Path, content: bytes) -> tuple[Proposal, EnvironmentData]:
    """The proposal for a file, and the environment's data that would be written of it."""
    path.write_bytes(content)
    sample = looked_at(path)
    proposal = propose(Seen(sample.header, sample.columns, sample.delimiter))
    source = sample.source.model_dump()
    written = {"source": source, "mapping": proposal.mapping(), "nullValues": list(proposal.null_values)}
    return proposal, EnvironmentData.model_validate({"invoices": written, "badRows": {"maxShare": 0.0}})


def mapped_rows(data: EnvironmentData, folder: Path, names: Sequence[str] = FIELDS) -> list[tuple[object, ...]]:
    with source_in(folder).extract(data, None, nothing) as extract:
        return sorted(rows_of(extract, columns=", ".join(names)), key=str)


def true_rows(truth: Sequence[Invoice], names: Sequence[str] = FIELDS) -> list[tuple[object, ...]]:
    return sorted((tuple(getattr(row, name) for name in names) for row in truth), key=str)


styles = st.builds(
    Style,
    headers=st.sampled_from([ENGLISH, GERMAN, FRENCH, SAP]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    date_format=st.sampled_from(
        ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d-%b-%Y", "%m-%d-%Y", "%d.%m.%y",
         "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y %H:%M"]
    ),
    decimal=st.sampled_from([".", ","]),
    grouped=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
    mark=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
    null=st.sampled_from(["", "NULL", "n/a"]),
    yes_no=st.sampled_from([("yes", "no"), ("Ja", "Nein"), ("1", "0"), ("true", "false"), ("Y", "N")]),
    order=st.permutations(range(len(FIELDS))),
    days_to_settle=st.booleans(),
    money=st.sampled_from(["{}", "{}", "${}", "{} kr", "R$ {}", "{} EUR", "£{}", "{}\u00a0kr"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(style=styles)
def test_one_truth_in_any_style_comes_back_as_the_same_rows(tmp_path: Path, style: Style) -> None:
    proposal, data = looked(tmp_path / "invoices.csv", render(TRUTH, style))
    assert proposal.missing == ()
    assert proposal.doubts == ()
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%m-%d-%Y"])
@pytest.mark.parametrize("headers", [ENGLISH, NAMELESS])
def test_dates_that_can_all_be_read_both_ways_are_decided_by_the_days_between_them(
    tmp_path: Path, form: str, headers: dict[str, str]
) -> None:
    style = Style(headers=headers, date_format=form, days_to_settle=True)
    assert len(AMBIGUOUS) > 40
    proposal, data = looked(tmp_path / "invoices.csv", render(AMBIGUOUS, style))
    names = ("invoice_date", "due_date", "settled_date")
    assert mapped_rows(data, tmp_path, names) == true_rows(AMBIGUOUS, names)
    assert len(proposal.doubts) == 3
    assert all("can be read both ways" in doubt for doubt in proposal.doubts)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y"])
def test_where_both_readings_are_in_order_the_column_of_days_decides(form: str) -> None:
    days = [
        (date(2024, m, d), date(2024, m + 2, d + 3), date(2024, m + 3, d + 4)) for m in range(1, 8) for d in range(1, 8)
    ]
    columns = [[f"N{n}" for n in range(49)], [f"K{n % 5}" for n in range(49)]]
    columns += [[day[i].strftime(form) for day in days] for i in range(3)] + [[f"{n}.25" for n in range(49)]]
    columns.append([str((day[2] - day[0]).days) for day in days])
    header = ("invoice", "customer", "invoice date", "due date", "settled date", "amount", "n")
    proposal = propose(Seen(header, columns))
    assert {c.options["dateFormat"] for c in proposal.fields if c.options} == {form}
    assert [refused.column for refused in proposal.refused] == ["n", "settled date"]


@pytest.mark.parametrize("form", ["%Y-%m-%dT23:30:00Z", "%Y-%m-%dT00:00:00+02:00", "%Y-%m-%d 00:30:00.5+0200"])
def test_moments_that_are_no_midnight_in_utc_say_that_their_day_depends_on_the_time_zone(
    tmp_path: Path, form: str
) -> None:
    proposal, _ = looked(tmp_path / "invoices.csv", render(TRUTH, Style(date_format=form)))
    assert [doubt.partition(" holds moments")[0] for doubt in proposal.doubts] == [
        "Invoice Date",
        "Due Date",
        "Paid On",
    ]
    assert all("set timeZone" in doubt for doubt in proposal.doubts)


def test_an_ambiguous_column_is_read_as_a_decided_one_and_that_is_said(tmp_path: Path) -> None:
    truth = [i for i in made_invoices(400, latest_day=12) if i.due_date.day > 12]
    proposal, data = looked(tmp_path / "invoices.csv", render(truth, Style(date_format="%m/%d/%Y")))
    why = next(choice.why for choice in proposal.fields if choice.field == "invoice_date")
    assert "month first, as in Due Date" in why
    assert mapped_rows(data, tmp_path) == true_rows(truth)


def test_columns_without_telling_names_are_found_by_what_they_hold(tmp_path: Path) -> None:
    proposal, data = looked(tmp_path / "invoices.csv", render(TRUTH, Style(headers=NAMELESS, days_to_settle=True)))
    found = {choice.field: choice.column for choice in proposal.fields}
    needed = ("invoice", "customer", "invoice_date", "due_date", "settled_date", "amount", "currency", "country")
    assert {name: found.get(name) for name in needed} == {name: NAMELESS[name] for name in needed}
    assert mapped_rows(data, tmp_path, needed) == true_rows(TRUTH, needed)


def test_days_that_are_computed_from_the_settlement_are_denied_as_the_answer(tmp_path: Path) -> None:
    proposal, _ = looked(tmp_path / "invoices.csv", render(TRUTH, Style(days_to_settle=True)))
    refused = {refused.column: refused.why for refused in proposal.refused}
    assert "it is the answer" in refused["DaysToSettle"]
    assert "the label" in refused["Paid On"]
    assert "known only after the invoice date" in refused["Disputed"]


def test_a_null_date_of_an_erp_is_no_value(tmp_path: Path) -> None:
    style = Style(date_format="%d.%m.%Y", null="01.01.1900", delimiter=";", decimal=",")
    proposal, data = looked(tmp_path / "invoices.csv", render(TRUTH, style))
    assert proposal.null_values == ("01.01.1900",)
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


def test_a_few_broken_values_do_not_change_what_a_column_is(tmp_path: Path) -> None:
    content = render(TRUTH, Style(date_format="%m/%d/%Y")).decode().splitlines()
    content[5] = content[5].replace("/2024", "/0000")
    content[9] = content[9].replace(".", "x")
    proposal, _ = looked(tmp_path / "invoices.csv", "\n".join(content).encode())
    assert proposal.missing == ()
    assert {c.field: c.options for c in proposal.fields}["due_date"] == {"dateFormat": "%m/%d/%Y"}


def test_a_currencys_mark_beside_the_amounts_is_written_down(tmp_path: Path) -> None:
    proposal, _ = looked(tmp_path / "invoices.csv", render(TRUTH, Style(money="${}", grouped=True)))
    assert {c.field: c.options for c in proposal.fields}["amount"] == {"currencyMark": "$"}


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f"])
def test_a_space_that_does_not_break_parts_a_mark_from_its_amount_as_any_space(tmp_path: Path, space: str) -> None:
    style = Style(money=f"{{}}{space}€", decimal=",", delimiter=";")
    proposal, data = looked(tmp_path / "invoices.csv", render(TRUTH, style))
    assert {c.field: c.options for c in proposal.fields}["amount"] == {"decimal": ",", "currencyMark": "€"}
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


def test_whole_amounts_beside_a_currencys_mark_need_no_name_that_is_known(tmp_path: Path) -> None:
    whole = [replace(invoice, amount=Decimal(int(invoice.amount))) for invoice in TRUTH]
    content = render(whole, Style(headers={**ENGLISH, "amount": "請求金額"}, money="¥{}")).decode().replace(".00", "")
    proposal, data = looked(tmp_path / "invoices.csv", content.encode())
    assert proposal.missing == ()
    assert mapped_rows(data, tmp_path) == true_rows(whole)


def test_an_amount_due_that_is_there_on_paid_rows_is_what_was_billed(tmp_path: Path) -> None:
    proposal, data = looked(tmp_path / "i.csv", render(TRUTH, Style(headers={**ENGLISH, "amount": "amount_due"})))
    assert {c.field for c in proposal.fields if c.column == "amount_due"} == {"amount"}
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


def test_amounts_with_several_currencies_marks_are_no_column_of_amounts(tmp_path: Path) -> None:
    content = render(TRUTH, Style(money="${}")).decode().replace("$", "£", 20)
    proposal, _ = looked(tmp_path / "invoices.csv", content.encode())
    assert "amount" in proposal.missing


def test_the_line_items_of_sap_have_both_amounts(tmp_path: Path) -> None:
    headers = {**ENGLISH, "amount": "Amount in doc. curr.", "currency": "Document currency"}
    first, *lines = render(TRUTH, Style(headers=headers)).decode().splitlines()
    own = [f"{line},{invoice.amount * 2}" for line, invoice in zip(lines, TRUTH, strict=True)]
    content = "\n".join([f"{first},Amount in local currency", *own])
    proposal, data = looked(tmp_path / "invoices.csv", content.encode())
    assert {c.field: c.column for c in proposal.fields}["accounting_amount"] == "Amount in local currency"
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


def test_several_currencies_without_a_common_one_are_said_before_a_refresh_refuses_them(tmp_path: Path) -> None:
    abroad = [replace(row, currency="CHF") if number % 2 else row for number, row in enumerate(TRUTH)]
    proposal, data = looked(tmp_path / "i.csv", render(abroad, Style()))
    (doubt,) = [doubt for doubt in proposal.doubts if "several currencies" in doubt]
    assert doubt.startswith("Currency has several currencies")
    assert "map accounting_amount" in doubt
    with pytest.raises(AuthorMustFix, match="in several currencies"):
        mapped_rows(data, tmp_path)


def test_where_the_only_amount_is_the_companys_own_that_is_the_amount(tmp_path: Path) -> None:
    headers = {**ENGLISH, "amount": "AMOUNTMST", "currency": "CURRENCYCODE"}
    proposal, data = looked(tmp_path / "invoices.csv", render(TRUTH, Style(headers=headers)))
    assert {c.field for c in proposal.fields if c.column == "AMOUNTMST"} == {"amount", "accounting_amount"}
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


def test_columns_without_a_value_stop_nothing(tmp_path: Path) -> None:
    first, *lines = render(TRUTH, Style()).decode().splitlines()
    content = "\n".join([f"Reference,{first},Special G/L", *(f",{line}," for line in lines)])
    proposal, data = looked(tmp_path / "invoices.csv", content.encode())
    assert {"Reference", "Special G/L"} <= set(proposal.unused)
    assert mapped_rows(data, tmp_path) == true_rows(TRUTH)


def test_customers_that_are_known_by_their_names_are_said(tmp_path: Path) -> None:
    by_name = [replace(invoice, customer=f"Alder & {invoice.customer} Ltd") for invoice in TRUTH]
    content = render(by_name, Style(headers={**ENGLISH, "customer": "ContactName"}))
    proposal, _ = looked(tmp_path / "invoices.csv", content)
    assert [doubt.partition(",")[0] for doubt in proposal.doubts] == ["ContactName holds names"]


def test_a_customers_number_comes_before_its_name(tmp_path: Path) -> None:
    first, *lines = render(TRUTH, Style(headers={**ENGLISH, "customer": "Cust #"})).decode().splitlines()
    content = "\n".join([f"Customer Name,{first}", *(f"Alder {n % 5} Ltd,{line}" for n, line in enumerate(lines))])
    proposal, _ = looked(tmp_path / "invoices.csv", content.encode())
    assert {c.field: c.column for c in proposal.fields}["customer"] == "Cust #"
    assert proposal.doubts == ()


def test_what_no_column_is_found_for_is_named(tmp_path: Path) -> None:
    proposal, _ = looked_without(tmp_path, "amount", "due_date")
    assert set(proposal.missing) == {"amount", "due_date"}


def looked_without(folder: Path, *fields: str) -> tuple[Proposal, object]:
    order = [number for number, name in enumerate(FIELDS) if name not in fields]
    (folder / "i.csv").write_bytes(render(TRUTH, Style(order=order)))
    sample = looked_at(folder / "i.csv")
    return propose(Seen(sample.header, sample.columns, sample.delimiter)), sample


def test_very_late_is_thirty_days_where_that_gives_rows_enough() -> None:
    proposal = of_days_late([-3, 5, 40] * 200)
    assert (proposal.limits.very_late_after_days, proposal.limits.why) == (30, "the usual period")
    assert proposal.limits.exam_rows == 30


def test_very_late_begins_sooner_where_thirty_days_leave_too_few_and_says_why() -> None:
    proposal = of_days_late([-3, 5, 17] * 200)
    assert proposal.limits.very_late_after_days == 15
    assert "from 30 days only 0 of" in proposal.limits.why


def of_days_late(late: Sequence[int]) -> Proposal:
    from datetime import timedelta

    begin = date(2024, 1, 1)
    rows = [
        (begin + timedelta(days=n), begin + timedelta(days=n + 30), begin + timedelta(days=n + 30 + d))
        for n, d in enumerate(late)
    ]
    columns = [[str(n) + "-A" for n in range(len(rows))], [f"K{n % 9}" for n in range(len(rows))]]
    columns += [[row[i].isoformat() for row in rows] for i in range(3)] + [[f"{n}.5" for n in range(len(rows))]]
    return propose(Seen(("invoice", "customer", "invoice date", "due date", "settled date", "amount"), columns))


def test_a_file_of_binary_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04" + bytes(5000))
    with pytest.raises(AuthorMustFix, match="binary data"):
        looked_at(tmp_path / "x.xlsx")


def test_a_large_file_is_looked_at_evenly_and_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("n,m\n" + "".join(f"{n},x\n" for n in range(10_000)))
    sample = looked_at(tmp_path / "i.csv", 1000)
    assert sample.rows == 10_000
    assert 500 <= len(sample.columns[0]) <= 1000
    assert int(sample.columns[0][-1]) > 9_900


SHARED = (
    Path(os.environ.get("RECONCILER_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "accounts_receivable.csv"
)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the real invoices are not here (RECONCILER_SHARED)")
def test_the_real_file_is_read_right() -> None:
    sample = looked_at(SHARED)
    proposal = propose(Seen(sample.header, sample.columns, sample.delimiter), "2013-09-30")
    assert proposal.mapping() == {
        "legal_entity": {"constant": "main"},
        "invoice": "invoiceNumber",
        "customer": "customerID",
        "invoice_date": {"column": "InvoiceDate", "dateFormat": "%m/%d/%Y"},
        "due_date": {"column": "DueDate", "dateFormat": "%m/%d/%Y"},
        "settled_date": {"column": "SettledDate", "dateFormat": "%m/%d/%Y"},
        "amount": "InvoiceAmount",
        "delivery": {"column": "PaperlessBill", "knownAt": "invoice-date"},
        "disputed": "Disputed",
        "country": {"column": "countryCode", "knownAt": "invoice-date"},
    }
    assert {r.column for r in proposal.refused} == {
        "DaysToSettle",
        "DaysLate",
        "SettledDate",
        "Disputed",
        "PaperlessDate",
    }
    assert (proposal.doubts, proposal.missing, proposal.unused) == ((), (), ())
    assert proposal.limits.very_late_after_days == 15
    assert "lies after the invoice date on 1,259 of 2,466 rows" in {r.why for r in proposal.refused}
