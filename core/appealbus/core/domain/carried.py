"""Translatable reasons why a record of earlier versions is dropped."""

from appealbus.core.lazy_text import told

NOT_NAMED = told("the appeal was corrected and no longer names what this was asked about")
NOT_GIVEN = told(
    "no record of this version leads to it any more: the one that did is withdrawn, no longer told, or newer"
)
NOT_CONFIRMED = told("it was answered from memory alone, and the question is not put any more")
MISREAD = told("a person has withdrawn it, as it was misread: {reason}")
LEFT = (NOT_NAMED, NOT_GIVEN, NOT_CONFIRMED, MISREAD)
