"""The closed vocabulary of the stacks that ceap makes: what `stacks.yaml` does not list is a fault.

`kinds` tells which kind of stack a template is, `specs` reads what may stand in a property, `known` judges a template,
and `declared` compares it with the declaration that it was made from.
"""

from typing import Final

KNOWN_RESOURCES: Final = "CFN06_KNOWN_RESOURCES"
"""The check that reports what is not in the vocabulary."""
