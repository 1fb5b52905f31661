"""A model from a document with gaps: what is there, and stand-ins of the right type for what is needed and is not.

Pure pydantic. So that rules are written once, for whole models, and run on what is left of a file with faults too.
What a rule finds at a stand-in is not told, because its path is in a gap; nothing else may use these models.
"""

from __future__ import annotations

import types
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo

_Model = TypeVar("_Model", bound=BaseModel)
_BLANK: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, date: date.min, timedelta: timedelta()}
_COLLECTIONS: tuple[Any, ...] = (list, dict)


def partial(model: type[_Model], document: Any) -> _Model:
    """The model of a document (plain values, keys as written) of which parts may be missing, or be None in a list.
    What is there has to be sound."""
    written = document if isinstance(document, dict) else {}
    values: dict[str, Any] = {}
    model.model_rebuild()  # names of types that stand further below in their module are resolved here
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key in written:
            values[name] = _part(_annotation(info), written[key])
        elif info.is_required():
            values[name] = _part(_annotation(info), None)
    return model.model_construct(**values)


def _annotation(info: FieldInfo) -> Any:
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _part(shape: Any, value: Any) -> Any:
    """One value of an annotation's type; None gives a stand-in."""
    plain = _member(shape, value)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return partial(plain, value)
    if get_origin(plain) is list:
        return [_part(get_args(plain)[0], item) for item in value or ()]
    if get_origin(plain) is dict:
        return {key: _part(get_args(plain)[1], item) for key, item in (value or {}).items()}
    if value is None:
        return get_args(plain)[0] if get_origin(plain) is Literal else _BLANK.get(plain)
    return create_model("Part", value=(shape, ...)).model_validate({"value": value}).value  # type: ignore[attr-defined]


def _member(shape: Any, value: Any) -> Any:
    """The plain type that a value of an annotation is of; of several models, the one that has most of its keys."""
    if get_origin(shape) is Annotated:
        return _member(get_args(shape)[0], value)
    if get_origin(shape) not in (Union, types.UnionType):
        return shape
    members = [_member(member, value) for member in get_args(shape)]
    if not isinstance(value, _COLLECTIONS):
        return next((member for member in members if get_origin(member) is not list), members[0])
    if isinstance(value, list):
        return next((member for member in members if get_origin(member) is list), members[0])
    models = [cast("type[BaseModel]", member) for member in members if isinstance(member, type)]
    models = [member for member in models if issubclass(member, BaseModel)]
    return max(models, key=lambda member: _fit(member, value), default=members[0])


def _fit(model: type[BaseModel], value: dict[str, Any]) -> int:
    """How many keys of a value a model has; none where the value's `kind` is another's."""
    kind = model.model_fields.get("kind")
    if kind is not None and value.get("kind") not in get_args(kind.annotation):
        return -1
    return sum((info.alias or name) in value for name, info in model.model_fields.items())
