"""Kubernetes quantities as numbers (apimachinery, pkg/api/resource)."""

import math
from decimal import Decimal

_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "K": Decimal(10**3),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", start=2)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


def amount(quantity: int | str) -> int:
    """The quantity in whole units, rounded up. Raises ValueError for what is none."""
    text = str(quantity)
    number = text.rstrip("KMGTPEikm")
    try:
        return math.ceil(Decimal(number) * _FACTORS[text[len(number) :]])
    except (ArithmeticError, KeyError):
        raise ValueError(f"{text!r} is no quantity") from None
