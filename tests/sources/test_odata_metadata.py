"""What a service says of itself is hostile: read without expanding anything, and found again by name."""

from __future__ import annotations

import pytest
import yaml

from reconciler.adapters.sources.readers.odata_filter import pushed
from reconciler.adapters.sources.readers.odata_metadata import Entity, read_metadata
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.inputs import Input, OAuth2Authentication, ODataSource
from reconciler.domain.written import Filter
from tests.support.imports import ROOT

#: As Dynamics 365 Finance writes it: enumerations, a base type, an alias, columns that are no single value.
DYNAMICS = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Microsoft.Dynamics.DataEntities" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="NoYes"><Member Name="No" Value="0"/><Member Name="Yes" Value="1"/></EnumType>
  <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal"/>
  <ComplexType Name="Address"><Property Name="Street" Type="Edm.String"/></ComplexType>
  <EntityType Name="Common" Abstract="true">
    <Key><PropertyRef Name="dataAreaId"/><PropertyRef Name="InvoiceNumber"/></Key>
    <Property Name="dataAreaId" Type="Edm.String" Nullable="false"/>
    <Property Name="InvoiceNumber" Type="Edm.String" Nullable="false"/>
  </EntityType>
  <EntityType Name="SalesInvoice" BaseType="Self.Common">
    <Property Name="TotalInvoiceAmount" Type="Self.Money" Scale="variable"/>
    <Property Name="IsClosed" Type="Microsoft.Dynamics.DataEntities.NoYes"/>
    <Property Name="Where" Type="Self.Address"/>
    <Property Name="a' or 1 eq 1" Type="Edm.String"/>
    <NavigationProperty Name="Customer" Type="Self.Common"/>
  </EntityType>
  <EntityContainer Name="Resources">
    <EntitySet Name="SalesInvoiceHeadersV2" EntityType="Self.SalesInvoice"/>
    <Singleton Name="Me" Type="Self.Common"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""


def entity() -> Entity:
    return read_metadata(DYNAMICS.encode(), "there").entity("SalesInvoiceHeadersV2", "there")


def test_columns_of_base_types_enumerations_and_named_types_are_found() -> None:
    found = entity()
    assert found.key == ("dataAreaId", "InvoiceNumber")
    assert {name: column.edm for name, column in found.properties.items()} == {
        "dataAreaId": "Edm.String",
        "InvoiceNumber": "Edm.String",
        "TotalInvoiceAmount": "Edm.Decimal",
        "IsClosed": "enum",
        "Where": "Microsoft.Dynamics.DataEntities.Address",
    }


def test_a_member_of_an_enumeration_is_asked_for_by_its_whole_name() -> None:
    def sent(value: str) -> str:
        return pushed(conditions({"field": "IsClosed", "op": "eq", "value": value}), entity().properties)

    assert sent("Yes") == "(IsClosed eq Microsoft.Dynamics.DataEntities.NoYes'Yes')"
    assert sent("Maybe") == ""
    assert sent("Yes' or 1 eq 1 or 'x") == ""


def conditions(*given: object) -> list[Filter]:
    source = {"kind": "csv", "path": "x"}
    return Input.model_validate({"source": source, "mapping": {}, "where": list(given)}).where


def test_an_entity_set_that_is_not_there_is_refused_with_the_one_that_is_meant() -> None:
    with pytest.raises(AuthorMustFix) as caught:
        read_metadata(DYNAMICS.encode(), "there").entity("SalesInvoiceHeaders", "there")
    assert caught.value.next_step == "did you mean 'SalesInvoiceHeadersV2'?"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>', "it has a DOCTYPE"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "it has a DOCTYPE"),
        (b"<x>&b;</x>", "it is not XML"),
        (b"<x><y></x>", "it is not XML"),
        (b"", "it is not XML"),
        (b'{"error": 1}', "it is not XML"),
        (b"<x>" * 101 + b"</x>" * 101, "it is nested too deep"),
    ],
)
def test_what_is_no_description_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(NeedsPerson) as caught:
        read_metadata(body, "there")
    assert caught.value.message == f"what there says of itself ($metadata) cannot be read: {reason}"


def test_a_type_that_is_its_own_base_ends() -> None:
    body = DYNAMICS.replace('Name="Common" Abstract="true"', 'Name="Common" BaseType="Self.SalesInvoice"')
    assert read_metadata(body.encode(), "there").entity("SalesInvoiceHeadersV2", "there").key


def test_the_example_of_the_docs_is_one_that_can_be_written() -> None:
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8").partition("\n## OData\n")[2]
    written = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["spec"]["data"]["invoices"]
    source = Input.model_validate(written).source
    assert isinstance(source, ODataSource) and source.cross_company
    assert isinstance(source.authentication, OAuth2Authentication)
