"""Carillon's operations on Redis, each one script, all in one slot. Nothing here decides about calls: see carillon.call."""

from carillon.store.calls import Calls
from carillon.store.cell import Keeping, LedgerChanged, Link
from carillon.store.users import Users

__all__ = ["Keeping", "LedgerChanged", "Link", "Store"]


class Store(Users, Calls):
    """One cell seen by one pod; the operations by their subject."""
