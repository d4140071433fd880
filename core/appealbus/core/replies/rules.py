"""Describes violated schema rules, without libxml2's texts, which quote values."""

import re

from lxml import etree

_RULES = {
    "SCHEMAV_CVC_PATTERN_VALID": "its text breaks a pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "its text is not one of the values that the contract lists",
    "SCHEMAV_CVC_LENGTH_VALID": "its text has another length than the contract says",
    "SCHEMAV_CVC_MINLENGTH_VALID": "its text is too short",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "its text is too long",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "its number is too small",
    "SCHEMAV_CVC_MINEXCLUSIVE_VALID": "its number is too small",
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": "its number is too large",
    "SCHEMAV_CVC_MAXEXCLUSIVE_VALID": "its number is too large",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "its number has too many digits",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "its number has too many digits after the point",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "it must be empty",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "it takes a text, and holds elements",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "it takes elements, and holds a text",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "the contract has no such attribute there",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute that must be there is missing",
    "SCHEMAV_CVC_TYPE_3_1_1": "it takes no attributes",
    "SCHEMAV_CVC_TYPE_3_1_2": "it takes a text, and holds elements",
    "SCHEMAV_CVC_ELT_1": "the contract has no such element",
    "SCHEMAV_CVC_ELT_2": "its element is abstract",
    "SCHEMAV_CVC_ELT_3_1": "it cannot be nil",
    "SCHEMAV_CVC_ELT_3_2_1": "it is nil, and holds something",
    "SCHEMAV_CVC_ELT_4_2": "its xsi:type is not in the contract",
    "SCHEMAV_CVC_ELT_4_3": "its xsi:type does not fit there",
    "SCHEMAV_CVC_ELT_5_2_2_2_2": "the contract fixes its value",
    "SCHEMAV_CVC_AU": "the contract fixes the value of an attribute",
    "SCHEMAV_CVC_IDC": "a key is missing, or there twice",
}
_TYPE = re.compile(r"is not a valid value of the (?:\w+ )?(?:atomic|list|union) type '([\w:.{}/#-]{1,200})'\.$")
_NAMES = re.compile(r"Expected is (?:one of )?\( ([^()]{1,500}) \)\.$")
_ATTRIBUTE = re.compile(r"Element '[^']{1,500}', attribute '([^']{1,200})'")
_SPACE = re.compile(r"\{[^}]*\}")


def broken_rule(schema: etree.XMLSchema) -> str:
    """Return the rule of the first error of the last validation, after a colon; "" if unknown."""
    errors = schema.error_log.filter_from_errors()
    rule = rule_of(errors[0]) if len(errors) else ""
    return f": {rule}" if rule else ""


def rule_of(error: etree._LogEntry) -> str:
    """Return the rule named by a validator's error; "" if unknown. It has names of the contract only."""
    kind = error.type_name
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        return _of_content(error.message)
    if kind.startswith("SCHEMAV_CVC_DATATYPE_VALID"):
        match = _TYPE.search(error.message)
        rule = f"its text is no {_bare(match[1])}" if match else "its text is not what its type takes"
    else:
        rule = _RULES.get(kind, "")
    # What has a value that a type forbids is declared, so that its name is the contract's.
    attribute = _ATTRIBUTE.match(error.message)
    return rule.replace("its text", f"its attribute {_bare(attribute[1])}") if attribute else rule


def _of_content(message: str) -> str:
    match = _NAMES.search(message)
    expected = f"; expected is {_bare(match[1])}" if match else ""
    if "Missing child element(s)." in message:
        return f"something in it is missing{expected}"
    return f"it is not expected there{expected}"


def _bare(names: str) -> str:
    return _SPACE.sub("", names)
