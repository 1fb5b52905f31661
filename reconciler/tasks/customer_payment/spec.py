"""The customer-payment task as validation and planning may know it: fields, features, estimators, parameters.

Light: imports only `domain` and the catalogue of features. Formulas are computed in `features.py` and the files it
asks. A change of any formula, default, limit or export raises `REVISION`, which is part of every fingerprint.
"""

from __future__ import annotations

from reconciler.domain.task import EstimatorSpec, FieldSpec, ParameterSpec, TaskSpec
from reconciler.tasks.customer_payment.catalogue import ABOUT, EXAMPLE, FEATURES, GROUPS

REVISION = 3
NAME = "customer-payment"

#: Keys of invoices and of customers: what makes a row one row.
INVOICE_KEY = ("legal_entity", "invoice", "instalment")
CUSTOMER_KEY = ("legal_entity", "customer")

# A customers field whose name the invoices table has too is known as `customers.NAME`.
_FIELDS = (
    FieldSpec("legal_entity", "invoices", "text", "invoice-date", True, "the company that sent the invoice"),
    FieldSpec("invoice", "invoices", "text", "invoice-date", True, "the invoice's number; never a feature"),
    FieldSpec("instalment", "invoices", "whole", "invoice-date", False, "which instalment; 1 where not mapped"),
    FieldSpec("customer", "invoices", "text", "invoice-date", True, "the customer's account; never a feature"),
    FieldSpec("invoice_date", "invoices", "date", "invoice-date", True, "the day the invoice is dated"),
    FieldSpec("due_date", "invoices", "date", "invoice-date", True, "the day it has to be paid by"),
    FieldSpec(
        "settled_date", "invoices", "date", "later", False, "the day it was paid in full; empty while open", True
    ),
    FieldSpec(
        "known_date", "invoices", "date", "later", False, "the day settled_date was recorded; that day if absent", True
    ),
    FieldSpec("amount", "invoices", "number", "invoice-date", True, "in the invoice's currency"),
    FieldSpec("currency", "invoices", "text", "invoice-date", False, "of the amount"),
    FieldSpec("accounting_amount", "invoices", "number", "invoice-date", False, "in the company's currency"),
    FieldSpec("open_amount", "invoices", "number", "later", False, "what is still to be paid", True),
    FieldSpec("delivery", "invoices", "text", "later", False, "how the bill was sent, as paper or electronic"),
    FieldSpec("disputed", "invoices", "flag", "later", False, "whether the customer disputed it"),
    FieldSpec("country", "invoices", "text", "later", False, "the country it was sent to"),
    FieldSpec(
        "source_id", "invoices", "text", "later", False, "the row's number in the source, for settlements to name"
    ),
    FieldSpec("kind", "invoices", "text", "later", False, "invoice; other rows only tell what settled one"),
    FieldSpec("legal_entity", "customers", "text", "invoice-date", False, "the company whose customer it is"),
    FieldSpec("customer", "customers", "text", "invoice-date", True, "the customer's account"),
    FieldSpec("country", "customers", "text", "later", False, "the customer's country"),
    FieldSpec("customer_group", "customers", "text", "later", False, "the group the customer belongs to"),
    FieldSpec("customer_since", "customers", "date", "invoice-date", False, "the day the account was opened"),
    FieldSpec("legal_entity", "settlements", "text", "later", True, "the company that sent the invoice"),
    FieldSpec("invoice", "settlements", "text", "later", False, "the invoice's number; or map source_id"),
    FieldSpec("instalment", "settlements", "whole", "later", False, "which instalment; 1 where not mapped"),
    FieldSpec("source_id", "settlements", "text", "later", False, "the source_id of the invoice"),
    FieldSpec("offset_id", "settlements", "text", "later", False, "the source_id of what it was settled with"),
    FieldSpec("paid_on", "settlements", "date", "later", True, "the day that counts for being late"),
    FieldSpec("recorded_on", "settlements", "date", "later", False, "the day it was recorded; paid_on if absent"),
    FieldSpec("kind", "settlements", "text", "later", False, "payment, credit-note, write-off, discount or reversal"),
    FieldSpec(
        "amount", "settlements", "number", "later", True, "in the invoice's currency; what lowers its debt is > 0"
    ),
)
_TWICE = frozenset({"legal_entity", "customer", "country"})


def field_key(field: FieldSpec) -> str:
    """The name by which filters and `needs` know a field: `country`, `customers.country`, `customer_group`; those of
    settlements all have their table's, and are features of nothing."""
    if field.table == "settlements":
        return f"settlements.{field.name}"
    return f"customers.{field.name}" if field.table == "customers" and field.name in _TWICE else field.name


def _parameters(*parameters: ParameterSpec) -> dict[str, ParameterSpec]:
    return {parameter.name: parameter for parameter in parameters}


_ESTIMATORS = (
    EstimatorSpec(
        "logistic-regression",
        _parameters(
            ParameterSpec("C", "number", 1e-4, 1e4, summary="inverse strength of the L2 penalty; default 0.3"),
            ParameterSpec("max_iter", "whole", 10, 5000, summary="steps of lbfgs; default 1000"),
        ),
        "multinomial, on inputs scaled and clipped to the training range",
    ),
    EstimatorSpec(
        "hist-gradient-boosting",
        _parameters(
            ParameterSpec("max_iter", "whole", 1, 1000, summary="rounds of boosting; default 60"),
            ParameterSpec("learning_rate", "number", 0.001, 1.0, summary="default 0.1"),
            ParameterSpec("max_leaf_nodes", "whole", 2, 255, summary="leaves of a tree; default 4"),
            ParameterSpec("max_depth", "whole", 1, 32, nullable=True, summary="default none"),
            ParameterSpec("min_samples_leaf", "whole", 1, 10000, summary="rows of a leaf; default 20"),
            ParameterSpec("l2_regularization", "number", 0.0, 1e4, summary="default 0"),
            ParameterSpec("max_bins", "whole", 2, 255, summary="bins of an input; default 255"),
        ),
        "histogram gradient boosting, without early stopping",
    ),
    EstimatorSpec(
        "random-forest",
        _parameters(
            ParameterSpec("n_estimators", "whole", 1, 500, summary="trees; default 200"),
            ParameterSpec("max_depth", "whole", 1, 32, nullable=True, summary="default 8"),
            ParameterSpec("min_samples_leaf", "whole", 1, 10000, summary="rows of a leaf; default 5"),
            ParameterSpec("max_features", "number", 0.05, 1.0, summary="share of inputs tried at a split; default 0.5"),
        ),
        "forest of decision trees, probabilities averaged",
    ),
)

SPEC = TaskSpec(
    name=NAME,
    revision=REVISION,
    fields={field_key(field): field for field in _FIELDS},
    features={feature.name: feature for feature in FEATURES},
    estimators={estimator.kind: estimator for estimator in _ESTIMATORS},
    group_about=GROUPS,
    about=ABOUT,
    example=EXAMPLE,
)
