"""Which keys a kind knows at a path: walks the pydantic models, so that a wrong key can be given a close one."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel

_UNIONS = (Union, types.UnionType)


def known_keys(kind: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys (as written in YAML) of the model at pydantic's location `loc`; empty where there is no model."""
    return sorted(ordered_keys(kind, loc))


def ordered_keys(kind: type[BaseModel], loc: Sequence[str | int], written: Collection[str] = ()) -> list[str]:
    """As `known_keys`, in the order of the models' fields; first those of the models that have all `written` keys."""
    shapes: list[Any] = [kind]
    for step in loc:
        shapes = [after for shape in shapes for after in _step(shape, step)]
    models = [shape for shape in shapes if _is_model(shape)]
    found = [[info.alias or name for name, info in model.model_fields.items()] for model in models]
    found.sort(key=lambda keys: not set(written) <= set(keys))
    return list(dict.fromkeys(key for keys in found for key in keys))


def _members(shape: Any) -> Iterator[Any]:
    """The plain types that an annotation stands for."""
    if get_origin(shape) is Annotated:
        yield from _members(get_args(shape)[0])
    elif get_origin(shape) in _UNIONS:
        for member in get_args(shape):
            yield from _members(member)
    else:
        yield shape


def _step(shape: Any, step: str | int) -> Iterator[Any]:
    if get_origin(shape) is list and isinstance(step, int):
        yield from _members(get_args(shape)[0])
    elif get_origin(shape) is dict:
        yield from _members(get_args(shape)[1])
    elif _is_model(shape):
        if step in (shape.__name__, _tag(shape)):  # pydantic names the member of a union in between
            yield shape
        for name, info in shape.model_fields.items():
            if step == (info.alias or name):
                yield from _members(info.annotation)


def _is_model(shape: Any) -> TypeGuard[type[BaseModel]]:
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return False
    shape.model_rebuild()  # types that stand further below in their module are names until then
    return True


def _tag(model: type[BaseModel]) -> Any:
    info = model.model_fields.get("kind")
    return get_args(info.annotation)[0] if info is not None and get_origin(info.annotation) is Literal else None
