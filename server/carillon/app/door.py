"""Who may come in, and how much: origin, rates and numbers."""

from carillon.config import Settings
from carillon.errors import CloseCode
from carillon.hub import Attached


class OpenDoor:
    """Lets everybody in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def knock(self, peer: str, headers: list[tuple[bytes, bytes]]) -> str:
        return peer

    async def enter(self, address: str, user_id: str) -> None:
        return

    def leave(self, address: str, user_id: str) -> None:
        return

    def refused(self, address: str) -> None:
        return

    def take(self, attached: Attached, size: int) -> CloseCode | None:
        return None

    def start(self, user_id: str, device_token: str | None) -> None:
        return
