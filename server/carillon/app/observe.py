"""What the parts tell telemetry."""

from carillon.call import Command, Decision


class Quiet:
    def begin(self, call_id: str, caller: str, callee: str) -> str:
        return ""

    def committed(self, decision: Decision, command: Command) -> None:
        return

    def message(self, name: str) -> None:
        return

    def opened(self, v1: bool) -> None:
        return

    def closed(self, user_id: str, code: int, seconds: float) -> None:
        return

    def refused(self, status: int) -> None:
        return
