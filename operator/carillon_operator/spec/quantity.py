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
    return math.ceil(_decimal(quantity))


def number(quantity: int | str) -> float:
    """The quantity as it is: 0.5 for 500m. Raises ValueError for what is none."""
    return float(_decimal(quantity))


def _decimal(quantity: int | str) -> Decimal:
    text = str(quantity)
    digits = text.rstrip("KMGTPEikm")
    try:
        return Decimal(digits) * _FACTORS[text[len(digits) :]]
    except (ArithmeticError, KeyError):
        raise ValueError(f"{text!r} is no quantity") from None
