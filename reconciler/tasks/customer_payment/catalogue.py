"""The features of customer-payment, said in words: what each is, its unit, its sources, when it is known.

Light: no numbers are computed here. `docs/features.md` and `reconciler features` are made from this; a test compares
each example with what the task computes on `EXAMPLE`.
"""

from __future__ import annotations

from reconciler.domain.task import FeatureSpec
from reconciler.tasks.customer_payment.catalogue_history import HISTORY, PORTFOLIO

#: What each group has in common, in the order of the catalogue.
GROUPS = {
    "invoice": "what the invoice itself says",
    "terms": "when it has to be paid, and whether that is usual for the customer",
    "calendar": "where in the week and the month the due date falls",
    "customer": "what the customer's account says",
    "customer-history": "what had become known of the customer's other invoices",
    "portfolio": "what had become known of all customers' invoices together; in no recipe that does not ask for it",
}

#: What the letters and words of the formulas stand for.
ABOUT = """\
The as-of date is the invoice date in training and judging, and the day of the prediction in predicting: the same code
computes all three. Other invoices are those of the same customer (legal entity and account), never the row itself.
Of them only what was known strictly before as-of counts: a settlement from the day on which it was recorded, and it
is as late as the day on which it was paid says. Late is more than lateAfterDays after the due date, very late is from
veryLateAfterDays on. In means, days late count no further than 365 either way.
n is the number of the customer's other invoices that were known to have settled; N that of all customers'. m, p, q and
d are the portfolio's mean days late and its shares late, very late and disputed, over all legal entities, as if 10 more
invoices had settled with 0 days, 25 % late, 5 % very late and 10 % disputed. So the first day of the data and a new
customer have values too: nothing is ever missing, and what a customer without history gets is said of each feature."""

#: The day and the invoices that every example is computed for (very late from 30 days on).
EXAMPLE = """\
A new invoice of customer C over 1000, dated 2024-07-01 and due 2024-07-31, seen on its date. Late after 0 days, very
late from 30. C's account was opened 2023-07-02. C's other invoices, which are all that has settled anywhere:
  1  dated 2024-01-10, due 2024-02-09, paid 2024-02-09: 0 days late
  2  dated 2024-03-02, due 2024-04-01, paid 2024-04-11: 10 days late, disputed
  3  dated 2024-05-12, due 2024-06-01, over 500, still open
So n = 2, m = (0 + 10) / (2 + 10), p = (1 + 2.5) / 12, q = (0 + 0.5) / 12, d = (1 + 1) / 12."""

_INVOICE = (
    FeatureSpec(
        "amount",
        "invoice",
        "number",
        ("amount",),
        "the amount; 0 where missing",
        unit="invoice's currency",
        example="1000 = 1000",
    ),
    FeatureSpec(
        "amount_log",
        "invoice",
        "number",
        ("amount",),
        "sign(amount) · ln(1 + |amount|)",
        unit="ln of currency",
        example="ln(1 + 1000) = 6.909",
    ),
    FeatureSpec("currency", "invoice", "text", ("currency",), "the currency; empty where missing", unit="text"),
    FeatureSpec(
        "delivery", "invoice", "text", ("delivery",), "how the bill was sent; empty where missing", unit="text"
    ),
    FeatureSpec(
        "country",
        "invoice",
        "text",
        ("country",),
        "the invoice's country, else its customer's; empty where missing",
        unit="text",
        caution="a customer's country is today's, not the one of the invoice date",
    ),
)

_TERMS = (
    FeatureSpec(
        "terms_days",
        "terms",
        "number",
        ("invoice_date", "due_date"),
        "due date − invoice date",
        unit="days",
        example="2024-07-31 − 2024-07-01 = 30",
    ),
    FeatureSpec(
        "terms_unusual_days",
        "terms",
        "number",
        ("invoice_date", "due_date"),
        "terms_days − the mean terms of the customer's other invoices dated before as-of, all within ±365",
        unit="days",
        known="as-of",
        others=("customer", "invoice_date", "due_date"),
        cold="0: no other invoice says what is usual",
        example="30 − (30 + 30 + 20) / 3 = 3.333",
    ),
    FeatureSpec(
        "days_to_due",
        "terms",
        "number",
        ("due_date",),
        "due date − as-of date; negative once it is overdue",
        unit="days",
        known="as-of",
        by_name=True,
        example="2024-07-31 − 2024-07-01 = 30",
        caution="models are fitted on each invoice's own date, where this equals terms_days: nothing can be learned "
        "of an invoice that has been open for a while, which differs just here. So the group leaves it out",
    ),
)

_CALENDAR = (
    FeatureSpec(
        "due_weekday",
        "calendar",
        "number",
        ("due_date",),
        "0 for Monday … 6 for Sunday, of the due date",
        unit="day of the week",
        example="2024-07-31 is a Wednesday = 2",
    ),
    FeatureSpec(
        "due_day",
        "calendar",
        "number",
        ("due_date",),
        "day of the month of the due date",
        unit="day of the month",
        example="2024-07-31 = 31",
    ),
)

_CUSTOMER = (
    FeatureSpec(
        "customer_group",
        "customer",
        "text",
        ("customer_group",),
        "the customer's group; empty where missing",
        unit="text",
        caution="today's group, not the one of the invoice date",
    ),
    FeatureSpec(
        "account_age_days",
        "customer",
        "number",
        ("customer_since",),
        "as-of − the day the account was opened, at least 0; tenure_days where that day is missing",
        unit="days",
        known="as-of",
        others=("customer", "invoice_date"),
        cold="as anybody; where that day is missing, as tenure_days",
        example="2024-07-01 − 2023-07-02 = 365",
    ),
)

FEATURES = (*_INVOICE, *_TERMS, *_CALENDAR, *_CUSTOMER, *HISTORY, *PORTFOLIO)
