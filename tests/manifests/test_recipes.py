"""A recipe against its task: outcomes, features known at the invoice date, parameters, filters."""

from __future__ import annotations

import pytest

from reconciler.adapters.manifests import Manifests
from reconciler.core.validation import validate
from reconciler.tasks.customer_payment.spec import SPEC
from tests.support.manifests import E_PRODUCTION, PRODUCTION, VERSION, V, edited, lines_of, problems_of
from tests.support.shop import SHOP, SHOP_VERSION
from tests.support.trees import MemoryTrees


def only(**changes: str | bytes | None) -> str:
    lines = lines_of(edited(**changes))
    assert len(lines) == 1, lines
    return lines[0]


def with_filter(text: str) -> str:
    return VERSION.replace("{field: amount, op: ge, value: 50}", text)


def test_an_unknown_task_suggests_a_close_one_and_says_nothing_more() -> None:
    assert (
        only(v=VERSION.replace("task: payments", "task: payment"))
        == f"{V}:6:9: there is no task payment (spec.task), did you mean payments?"
    )


@pytest.mark.parametrize("very", ["0", "1", "30"])
def test_outcomes_in_order_are_fine(very: str) -> None:
    assert lines_of(edited(v=VERSION.replace("veryLateAfterDays: 30", f"veryLateAfterDays: {very}"))) == []


@pytest.mark.parametrize("written", ["{lateAfterDays: 30}", "{lateAfterDays: 5, veryLateAfterDays: 5}"])
def test_very_late_that_does_not_begin_after_late_is_refused(written: str) -> None:
    assert "has to begin after late" in only(v=VERSION.replace("{lateAfterDays: 0, veryLateAfterDays: 30}", written))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("{roundz: 3}", "boosting has no parameter roundz (spec.estimator.parameters.roundz), did you mean rounds?"),
        ("{rounds: 0}", "rounds should be a whole number from 1 to 500; this is 0"),
        ("{rounds: 1.5}", "rounds should be a whole number from 1 to 500; this is 1.5"),
        ("{rounds: true}", "rounds should be a whole number from 1 to 500; this is true"),
        ("{rate: 2}", "rate should be a number from 0 to 1; this is 2"),
        ("{depth: 0}", "depth should be a whole number of at least 1, or null; this is 0"),
        ("{rounds: null}", "rounds should be a whole number from 1 to 500; this is null"),
        ("{loss: logg}", "loss should be one of log, square; this is logg"),
        ("{bagging: 1}", "bagging should be true or false; this is 1"),
    ],
)
def test_a_parameter_that_the_task_does_not_publish_so_is_refused(parameters: str, expected: str) -> None:
    assert expected in only(v=VERSION.replace("{rounds: 60}", parameters))


def test_parameters_of_the_published_types_are_fine() -> None:
    text = VERSION.replace("{rounds: 60}", "{rounds: 1, rate: 1, depth: null, loss: log, bagging: false}")
    assert lines_of(edited(v=text)) == []


def test_an_unknown_estimator_suggests_a_close_one() -> None:
    assert only(v=VERSION.replace("kind: boosting", "kind: bosting")).endswith(
        "14:21: there is no estimator bosting (spec.estimator.kind), did you mean boosting?"
    )


def test_a_single_feature_that_is_not_known_at_the_invoice_date_is_refused() -> None:
    line = only(v=VERSION.replace("[invoice]", "[invoice, disputed]"))
    assert f"{V}:13:24: feature disputed needs disputed, which is not known at the invoice date in this data" in line


def test_a_feature_is_known_when_the_mapping_says_so_and_not_when_nothing_maps_it() -> None:
    assert lines_of(edited(v=VERSION.replace("[invoice]", "[country]"))) == []
    silent = PRODUCTION.replace("{column: Country, knownAt: invoice-date}", "Country")
    assert "feature country needs country" in only(v=VERSION.replace("[invoice]", "[country]"), production=silent)
    gone = PRODUCTION.replace("        country: {column: Country, knownAt: invoice-date}\n", "")
    assert "feature country needs country" in only(v=VERSION.replace("[invoice]", "[country]"), production=gone)


def test_of_a_group_only_what_is_known_is_meant() -> None:
    assert lines_of(edited(v=VERSION.replace("[invoice]", "[invoice]\n    exclude: [country]"))) == []
    nothing = VERSION.replace("[invoice]", "[invoice]\n    exclude: [amount, country]")
    assert "no feature is left" in only(v=nothing)


@pytest.mark.parametrize(
    ("features", "excluded", "group"),
    [
        ("[invoice]", "history_share", "history"),
        ("[amount]", "country", "invoice"),
        ("[invoice]", "history", "history"),
    ],
)
def test_what_is_excluded_from_nothing_is_warned_of_with_its_place(features: str, excluded: str, group: str) -> None:
    files = edited(v=VERSION.replace("[invoice]", f"{features}\n    exclude: [{excluded}]"))
    (warned,) = problems_of(files)
    assert warned.severity == "warning"
    assert f"14:15: {excluded} is excluded, and nothing that is included has it" in str(warned)
    assert warned.fix == f"take it out, or include its group ({group})"


def test_an_unknown_feature_or_group_suggests_a_close_one() -> None:
    assert only(v=VERSION.replace("[invoice]", "[invoices]")).endswith(
        "13:15: there is no feature or group invoices (spec.features.include[0]), did you mean invoice?"
    )


MORE = PRODUCTION.replace("dated: Date", "dated: Date\n        lines: Lines")
FILTERS = {
    "{field: amuont, op: ge, value: 1}": "11:17: there is no field amuont (spec.data.filters[0].field), did you mean",
    "{field: amount, op: ge, value: '1'}": "amount is a number, 1 is not (spec.data.filters[0].value)",
    "{field: lines, op: ge, value: 1.5}": "lines is a whole number, 1.5 is not",
    "{field: lines, op: eq, value: true}": "lines is a whole number, true is not",
    "{field: country, op: ge, value: DE}": "ge does not fit country, which is text",
    "{field: country, op: eq, value: 3}": "country is text, 3 is not",
    "{field: country, op: eq}": "eq needs a value",
    "{field: country, op: eq, value: [DE]}": "eq takes one value, this is a list",
    "{field: country, op: in, value: DE}": "in takes a list of values",
    "{field: country, op: in}": "in takes a list of values",
    "{field: country, op: in, value: [DE, 3]}": "11:46: country is text, 3 is not (spec.data.filters[0].value[1])",
    "{field: country, op: is-null, value: DE}": "is-null takes no value",
    "{field: dated, op: lt, value: 2024-13-01}": "dated is a date, 2024-13-01 is not",
    "{field: dated, op: lt, value: 2024}": "dated is a date, 2024 is not",
    "{all: [{any: [{not: {field: amount, op: eq, value: x}}]}]}": "(spec.data.filters[0].all[0].any[0].not.value)",
    "{field: disputed, op: eq, value: true}": "disputed is not known at the invoice date in this data",
    "{not: {field: disputed, op: eq, value: true}}": "disputed is not known at the invoice date in this data",
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_that_does_not_fit_the_tasks_fields_is_refused(text: str) -> None:
    assert FILTERS[text] in only(v=with_filter(text), production=MORE)


@pytest.mark.parametrize(
    "text",
    [
        "{field: amount, op: in, value: [1, 2.5]}",
        "{field: country, op: not-null}",
        "{field: dated, op: ge, value: 2024-01-31}",
        '{field: dated, op: ge, value: "2024-01-31"}',
        '{all: [{any: [{not: {field: country, op: not-in, value: ["NO"]}}]}]}',
    ],
)
def test_a_filter_that_fits_is_fine(text: str) -> None:
    assert lines_of(edited(v=with_filter(text))) == []


def test_filters_of_an_exam_are_checked_too() -> None:
    text = PRODUCTION.replace("  gates:", "  exam: {filters: [{field: amuont, op: ge, value: 1}]}\n  gates:")
    assert "there is no field amuont (spec.exam.filters[0].field)" in only(production=text)


def test_a_field_that_invoices_and_customers_share_is_known_only_where_both_are() -> None:
    customers = (
        "    customers:\n      source: {kind: csv, path: data/customers.csv}\n"
        "      mapping: {customer: Account, country: COUNTRY}\n  target:"
    )
    country = SHOP_VERSION.replace("include: [invoice,", "include: [country, invoice,").replace(
        "    exclude: [country]\n", ""
    )
    shop = {**SHOP, V: country}
    real = {SPEC.name: SPEC}

    def lines(mapped: str) -> list[str]:
        environment = SHOP[E_PRODUCTION].replace("  target:", customers.replace("COUNTRY", mapped))
        source = Manifests(MemoryTrees({**shop, E_PRODUCTION: environment})).read(None)
        return [problem.summary for problem in validate(source, real)]

    assert lines("{column: Land, knownAt: invoice-date}") == []
    assert lines("Land") == ["feature country needs country, which is not known at the invoice date in this data"]


def test_a_feature_that_reads_disputes_of_settled_invoices_needs_them_mapped_not_declared() -> None:
    real = {SPEC.name: SPEC}

    def lines(included: str, mapped: str = "") -> list[str]:
        recipe = SHOP_VERSION.replace("[invoice, customer-history]", included)
        environment = SHOP[E_PRODUCTION].replace("        amount:", f"{mapped}        amount:")
        source = Manifests(MemoryTrees({**SHOP, V: recipe, E_PRODUCTION: environment})).read(None)
        return [problem.summary for problem in validate(source, real) if problem.severity == "error"]

    refused = "feature history_disputed_share reads disputed of settled invoices, which this data does not have"
    assert lines("[history_disputed_share]") == [refused]
    assert lines("[history_disputed_share]", "        disputed: InDispute\n") == []
    assert lines("[invoice, customer-history]") == []
