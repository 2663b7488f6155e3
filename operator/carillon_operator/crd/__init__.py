"""The CustomResourceDefinition and its reference, generated from `carillon_operator.spec`."""

from carillon_operator.crd.definition import as_yaml, definition
from carillon_operator.crd.reference import markdown

__all__ = ["as_yaml", "definition", "markdown"]
