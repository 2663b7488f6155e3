"""Typed settings, read from the environment alone.

    settings = Settings.from_env(os.environ)

Every setting has its variable, type, unit, default and the reason for it where it is declared: one dataclass per section.
"""

from carillon.config.auth import AuthSettings
from carillon.config.calls import CallSettings
from carillon.config.limits import LimitSettings
from carillon.config.push import ApnsSettings, FcmSettings, PushSettings
from carillon.config.redis import RedisSettings, RedisTarget
from carillon.config.server import ServerSettings
from carillon.config.settings import Settings
from carillon.config.telemetry import TelemetrySettings
from carillon.config.turn import TurnSettings
from carillon.config.values import Network, Rate

__all__ = [
    "ApnsSettings",
    "AuthSettings",
    "CallSettings",
    "FcmSettings",
    "LimitSettings",
    "Network",
    "PushSettings",
    "Rate",
    "RedisSettings",
    "RedisTarget",
    "ServerSettings",
    "Settings",
    "TelemetrySettings",
    "TurnSettings",
]
