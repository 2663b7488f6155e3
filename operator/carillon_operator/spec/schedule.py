"""Floors for known peaks: so many pods at least, from a moment that cron names, for a while."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from carillon_operator.spec.scaling import Schedule


def floor(schedules: Iterable[Schedule], now: float) -> int:
    """The most pods that a schedule in force asks for; 0: none is. now: Unix time in seconds."""
    return max((one.min_replicas for one in schedules if in_force(one, now)), default=0)


def in_force(schedule: Schedule, now: float) -> bool:
    """Whether the last time that `schedule` began is less than its duration ago. Clock changes are handled as Debian's cron does."""
    try:
        # A second later, since the search backwards leaves its own beginning out.
        moment = datetime.fromtimestamp(int(now) + 1, ZoneInfo(schedule.time_zone))
        began = next(CronSim(schedule.start, moment, reverse=True))
    except (CronSimError, LookupError, ValueError, OSError, StopIteration):
        return False
    # Moments of one zone subtract by the clock on the wall, which jumps.
    return moment.timestamp() - began.timestamp() <= schedule.duration_seconds


def problem(schedule: Schedule) -> str:
    """What is wrong with it, in words; empty: nothing."""
    try:
        zone = ZoneInfo(schedule.time_zone)
    except (LookupError, ValueError, OSError):
        return f"{schedule.time_zone!r} is no time zone, as in Europe/Berlin or UTC."
    try:
        next(CronSim(schedule.start, datetime(2026, 1, 1, tzinfo=zone)))
    except (CronSimError, StopIteration) as error:
        return f"{schedule.start!r} is no time that comes, as in '0 8 * * 1-5' (minute, hour, day, month, weekday): {error}."
    return ""
