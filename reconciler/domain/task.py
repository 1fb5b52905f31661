"""What a prediction task says of itself without loading anything heavy: fields, features, estimators, parameters.

The task's folder builds one `TaskSpec`; validation and planning read it. Formulas live in the heavy files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FieldType = Literal["text", "number", "whole", "date", "flag"]


@dataclass(frozen=True)
class FieldSpec:
    """A column of a snapshot's table: its type, whether it must be mapped, and when its value is known. `answer`: it is
    the outcome or follows from it, and no mapping can make it known at the invoice date."""

    name: str
    table: Literal["invoices", "customers", "settlements"]
    type: FieldType
    known_at: Literal["invoice-date", "later"]
    required: bool = False
    summary: str = ""
    answer: bool = False


@dataclass(frozen=True)
class FeatureSpec:
    """A column of the feature table: its group, its type, its sources, and its formula in words.

    `needs`: fields of the row itself, which have to be known at the invoice date. `others`: fields of other invoices,
    as they were known before as-of. `only_with`: those of them that data may lack; a group then leaves the feature
    out. `by_name`: no group brings it, only a recipe that names it. `cold`: what a customer without history gets.
    `example`: a computation on the task's example that ends in `= VALUE`.
    """

    name: str
    group: str
    type: Literal["number", "text"]
    needs: tuple[str, ...]
    summary: str
    unit: str = ""
    known: Literal["invoice-date", "as-of"] = "invoice-date"
    others: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    by_name: bool = False
    cold: str = ""
    example: str = ""
    caution: str = ""


@dataclass(frozen=True)
class ParameterSpec:
    """A published parameter of an estimator. Limits are inclusive; `choices` closes a text parameter."""

    name: str
    type: Literal["whole", "number", "flag", "text"]
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    nullable: bool = False
    summary: str = ""


@dataclass(frozen=True)
class EstimatorSpec:
    """An estimator kind and its published parameters."""

    kind: str
    parameters: Mapping[str, ParameterSpec]
    summary: str = ""


@dataclass(frozen=True)
class TaskSpec:
    """All that validation and planning may know of a task. `revision` is part of every fingerprint; `about` says
    what the letters in formulas stand for, `example` what the features' examples are computed on."""

    name: str
    revision: int
    fields: Mapping[str, FieldSpec]
    features: Mapping[str, FeatureSpec]
    estimators: Mapping[str, EstimatorSpec]
    group_about: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    example: str = ""

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the feature groups, in the order of the catalogue."""
        return tuple(dict.fromkeys(feature.group for feature in self.features.values()))
