"""All settings of the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carillon.config.auth import AuthSettings
from carillon.config.calls import CallSettings
from carillon.config.checks import conflicts, remarks
from carillon.config.limits import LimitSettings
from carillon.config.push import PushSettings
from carillon.config.reading import read
from carillon.config.redis import RedisSettings
from carillon.config.server import ServerSettings
from carillon.config.telemetry import TelemetrySettings
from carillon.config.turn import TurnSettings
from carillon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's configuration. Secrets are in no `repr`."""

    server: ServerSettings = field(default_factory=ServerSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    calls: CallSettings = field(default_factory=CallSettings)
    push: PushSettings = field(default_factory=PushSettings)
    turn: TurnSettings = field(default_factory=TurnSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check everything; files that are named must be readable. Raises ConfigError with every problem there is."""
        problems: list[str] = []
        settings = read(cls, environ, problems)
        unread = frozenset(problem.partition(":")[0] for problem in problems)
        problems += conflicts(settings, unread)
        if problems:
            raise ConfigError(problems)
        return settings

    @classmethod
    def to_look_up(cls, environ: Mapping[str, str]) -> "Settings":
        """What reading from Redis takes; whether a server could start with the rest does not matter. Raises ConfigError."""
        problems: list[str] = []
        settings = cls(redis=read(RedisSettings, environ, problems), calls=read(CallSettings, environ, problems))
        if problems:
            raise ConfigError(problems)
        return settings

    def remarks(self) -> list[str]:
        """What works but should not stay so; for the log at start."""
        return remarks(self)
