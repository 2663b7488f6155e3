"""How many users a chaos run has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Around each disturbance: pairs in lasting calls, users who do nothing, pairs that make one short call after the other.
    moved, rolled, storm, lost: users while pods get fewer, are replaced, become more, and while a node dies.
    """

    pairs: int
    idle: int
    chatter: int
    moved: int
    rolled: int
    storm: int
    lost: int


SIZES = {"short": Size(30, 20, 10, 200, 200, 160, 200), "full": Size(200, 1600, 20, 5000, 2000, 2000, 10_000)}
