"""What an OData service says of itself ($metadata, EDMX): its entity sets, their keys, their columns and types.

The document comes from outside: a DOCTYPE is refused, so no entity is ever expanded; it is read as a stream.
"""

from __future__ import annotations

import difflib
import re
import xml.parsers.expat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern

from reconciler.domain.errors import AuthorMustFix, NeedsPerson

#: What a name may be in OData: no mark in it that means something in a query or an address.
_NAME = re.compile(r"[^\W\d]\w{0,127}")
_DEEP = 100


@dataclass(frozen=True)
class Property:
    """A column: its type as the service calls it, the Edm type below it, and the members where it is an enumeration."""

    type: str
    edm: str
    members: frozenset[str] | None = None


@dataclass(frozen=True)
class Entity:
    """An entity set: its name, the columns of its key (none: it has no key that can be asked for), its columns."""

    name: str
    key: Sequence[str]
    properties: Mapping[str, Property]


@dataclass
class _Type:
    base: str | None
    key: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class Model:
    """All of it, as it was read."""

    sets: dict[str, str] = field(default_factory=dict)
    types: dict[str, _Type] = field(default_factory=dict)
    enums: dict[str, set[str]] = field(default_factory=dict)
    underlying: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def entity(self, name: str, where: str) -> Entity:
        """Raises AuthorMustFix for an entity set that the service has not."""
        if name not in self.sets or not _NAME.fullmatch(name):
            close = difflib.get_close_matches(name, self.sets, 1)
            raise AuthorMustFix(
                f"the entity set {name!r} is not there at {where}",
                next_step=f"did you mean {close[0]!r}?" if close else "check `source.entity`: its name is the set's",
            )
        key: list[str] = []
        properties: dict[str, str] = {}
        at: str | None = self.sets[name]
        for _ in range(_DEEP):
            found = self.types.get(self._whole(at)) if at is not None else None
            if found is None:
                break
            key, properties, at = key or found.key, {**found.properties, **properties}, found.base
        columns = {column: self._property(kind) for column, kind in properties.items() if _NAME.fullmatch(column)}
        return Entity(name, tuple(key) if all(part in columns for part in key) else (), columns)

    def _property(self, kind: str) -> Property:
        whole = self._whole(kind)
        members = self.enums.get(whole)
        edm = "enum" if members is not None else self.underlying.get(whole, whole)
        return Property(whole, edm, None if members is None else frozenset(members))

    def _whole(self, name: str) -> str:
        """A type's name with its namespace in the place of an alias."""
        space, dot, last = name.rpartition(".")
        return self.aliases.get(space, space) + dot + last


def read_metadata(body: bytes, where: str) -> Model:
    """Raises NeedsPerson for what is no description of an OData service."""
    reading = _Reading()
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.StartDoctypeDeclHandler = reading.doctype
    try:
        parser.Parse(body, True)
    except (xml.parsers.expat.ExpatError, _Refused) as error:
        reason = str(error) if isinstance(error, _Refused) else "it is not XML"
        raise NeedsPerson(
            f"what {where} says of itself ($metadata) cannot be read: {reason}", next_step="check `source.url`"
        ) from None
    return reading.model


class _Refused(Exception):
    """The document is refused, with the reason."""


class _Reading:
    """Takes down what matters while the document passes."""

    def __init__(self) -> None:
        self.model = Model()
        self.path: list[str] = []
        self.namespace = ""
        self.owner = ""

    def doctype(self, *_: object) -> None:
        raise _Refused("it has a DOCTYPE")

    def end(self, _name: str) -> None:
        self.path.pop()

    def start(self, name: str, given: dict[str, str]) -> None:
        element = name.rpartition(" ")[2]
        parent = self.path[-1] if self.path else ""
        self.path.append(element)
        if len(self.path) > _DEEP:
            raise _Refused("it is nested too deep")
        match parent, element:
            case _, "Schema":
                self.namespace = given.get("Namespace", "")
                if alias := given.get("Alias"):
                    self.model.aliases[alias] = self.namespace
            case "Schema", "EntityType" | "EnumType" | "TypeDefinition":
                self._named(element, given)
            case "EntityType", "Property":
                kind = intern(given.get("Type", ""))
                self.model.types[self.owner].properties[intern(given.get("Name", ""))] = kind
            case "Key", "PropertyRef":
                if self.path[-3] == "EntityType":
                    self.model.types[self.owner].key.append(given.get("Name", ""))
            case "EnumType", "Member":
                self.model.enums[self.owner].add(given.get("Name", ""))
            case "EntityContainer", "EntitySet":
                self.model.sets[given.get("Name", "")] = given.get("EntityType", "")

    def _named(self, element: str, given: dict[str, str]) -> None:
        self.owner = f"{self.namespace}.{given.get('Name', '')}"
        match element:
            case "EntityType":
                self.model.types[self.owner] = _Type(given.get("BaseType"))
            case "EnumType":
                self.model.enums[self.owner] = set()
            case _:
                self.model.underlying[self.owner] = given.get("UnderlyingType", "")
