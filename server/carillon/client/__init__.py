"""An asyncio client of the signaling server; `python -m carillon.client call` makes one complete call."""

from carillon.client.client import CallRefused, CarillonClient

__all__ = ["CallRefused", "CarillonClient"]
