"""How much one user, address or connection may ask for. Decisions are functions of values, with the clock passed in."""

from carillon.limits.address import client_address
from carillon.limits.origin import allowed
from carillon.limits.rates import Bucket, Counts, Queue, Rates

__all__ = ["Bucket", "Counts", "Queue", "Rates", "allowed", "client_address"]
