"""A small model of XSD, to find declarations that a contract excludes.

Unsupported parts count as anything, so that nothing is excluded wrongly.
"""

from appealbus.core.replies.xsd.model import SchemaModel
from appealbus.core.replies.xsd.shapes import ANYTHING, Child, Place, Shape
from appealbus.core.replies.xsd.values import Simple

__all__ = ["ANYTHING", "Child", "Place", "SchemaModel", "Shape", "Simple"]
