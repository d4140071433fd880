"""Appeals and dossiers of every shape survive JSON and XML, and their XML is what the XSD says."""

import json
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import printable
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.shapes import TYPED_RECORDS, AnyRecord, ListOf, ModelOf, OneOf, Scalar, fields_of
from appealbus.schemas.xml import appeal_from_xml, dossier_from_xml, to_xml
from tests.services.forms import form

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["", " ", "\r", "\r\n", " Ұлытау ", "қасиетті\tжер", "<a>&amp;]]>", "😀"])
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OTHER = st.dictionaries(TEXTS.filter(lambda name: name != "type"), VALUES, max_size=3).map(
    lambda members: {**members, "type": "vendor.Thing"}
)


def scalars(shape):
    if shape.words:
        return st.sampled_from(shape.words)
    if shape.pattern:
        return st.from_regex(shape.pattern.replace(r"\S", "[А-я0-9/-]"), fullmatch=True).map(lambda text: text[:100])
    if shape.type is str:
        sized = TEXTS.filter(lambda text: len(text) >= (shape.min_length or 0))
        return sized.map(printable)
    return {
        int: st.integers(shape.ge if shape.ge is not None else -(2**40), 2**40),
        bool: st.booleans(),
        Decimal: st.decimals(allow_nan=False, allow_infinity=False).map(str),
    }.get(shape.type, st.dates().map(str) if shape.type.__name__ == "date" else st.datetimes(timezones=ZONES).map(str))


def trees(shape):
    match shape:
        case Scalar():
            return scalars(shape)
        case ListOf():
            return st.lists(trees(shape.item), max_size=2)
        case ModelOf():
            return models(shape.model)
        case OneOf():
            return st.one_of([models(model, tag) for tag, model in shape.models])
        case AnyRecord():
            return st.one_of(OTHER, *[models(model, tag) for tag, model in TYPED_RECORDS.items()])


def models(model, tag=None):
    fields = [field for field in fields_of(model) if field.name != "type" or tag is None]
    required = {
        field.name: st.deferred(lambda shape=field.shape: trees(shape)) for field in fields if not field.optional
    }
    optional = {field.name: st.deferred(lambda shape=field.shape: trees(shape)) for field in fields if field.optional}
    if tag is not None:
        required["type"] = st.just(tag)
    return st.fixed_dictionaries(required, optional=optional)


APPEALS = models(Appeal).map(Appeal.model_validate)
DOSSIERS = models(Dossier).map(Dossier.model_validate)
quick = settings(
    max_examples=form(20, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(scope="module")
def schemas():
    return {name: etree.XMLSchema(etree.parse(str(FOLDER / f"{name}.xsd"))) for name in ("appeal", "dossier")}


@quick
@given(APPEALS)
def test_appeals_survive(schemas, appeal):
    """An appeal through JSON, then XML, is the same to the last blank; the XSD takes what is between."""
    sent = appeal.model_dump_json()
    xml = to_xml(Appeal.model_validate_json(sent))
    schemas["appeal"].assertValid(etree.fromstring(xml))
    assert json.loads(appeal_from_xml(xml).model_dump_json()) == json.loads(sent)
    assert appeal_from_xml(xml) == appeal


@quick
@given(DOSSIERS)
def test_dossiers_survive(schemas, dossier):
    """A dossier with records that ship and records of third parties through JSON, then XML, is the same."""
    sent = dossier.model_dump_json()
    xml = to_xml(Dossier.model_validate_json(sent))
    schemas["dossier"].assertValid(etree.fromstring(xml))
    assert json.loads(dossier_from_xml(xml).model_dump_json()) == json.loads(sent)
    assert dossier_from_xml(xml) == dossier


@quick
@given(APPEALS)
def test_order_and_indentation_do_not_matter(appeal):
    """A sender may pretty-print its XML and order the elements of a model as it likes."""
    root = etree.fromstring(to_xml(appeal))
    root[:] = root[::-1]
    for element in root.iter():
        if len(element):
            element.text = "\n  "
            for child in element:
                child.tail = "\n"
    assert appeal_from_xml(etree.tostring(root)) == appeal
