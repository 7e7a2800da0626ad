"""Validates rotation schedules and computes when the next rotation is due.

AWS: "Schedule expressions in Secrets Manager rotation" (rotate-secrets_schedule.html) and RotationRulesType.
"""

import datetime as dt
import itertools
import re

WINDOW = re.compile(r"([1-9]|1\d|2[0-4])h")
RATE = re.compile(r"rate\((\d+) (hour|hours|day|days)\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def problem_of(rules: dict | None) -> str | None:
    if not rules:
        return None
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days is not None and expression:
        return "Specify AutomaticallyAfterDays or ScheduleExpression, not both."
    if days is not None and not 1 <= int(days) <= 1000:
        return "AutomaticallyAfterDays must be from 1 to 1000."
    window = rules.get("Duration")
    if window is not None and not WINDOW.fullmatch(window):
        return "Duration must be a number of hours from 1h to 24h."
    if not expression:
        return None
    rate, cron = RATE.fullmatch(expression), CRON.fullmatch(expression)
    if rate and _interval(rate) < dt.timedelta(hours=4):
        return "The rate must be 4 hours or more."
    if cron and (cron[1] != "0" or cron[6] != "*"):
        return "In a cron expression the minutes must be 0 and the year *."
    if not rate and not cron:
        return "ScheduleExpression must be rate(...) or cron(...)."
    return _problem_of_window(int(window[:-1]), rate, cron) if window else None


def _problem_of_window(hours: int, rate: re.Match | None, cron: re.Match | None) -> str | None:
    """RotationRulesType: "must not extend into the next rotation window or the next UTC day"."""
    if rate:
        too_long = dt.timedelta(hours=hours) > _interval(rate)
        return "The rotation window must not extend into the next rotation window." if too_long else None
    begins = [hour for hour in range(24) if _matches(cron[2], hour, 23)]
    if begins and begins[-1] + hours > 24:
        return "The rotation window must not extend into the next UTC day."
    if any(after - before < hours for before, after in itertools.pairwise(begins)):
        return "The rotation window must not extend into the next rotation window."
    return None


def next_date(rules: dict, last: int) -> int | None:
    """Returns the NextRotationDate of DescribeSecret: AWS rotates on or before it. None if it is unknown."""
    since = dt.datetime.fromtimestamp(last, dt.UTC)
    if rules.get("AutomaticallyAfterDays"):
        due = since + dt.timedelta(days=int(rules["AutomaticallyAfterDays"]))
        return int(due.replace(hour=23, minute=59, second=59).timestamp())
    expression = rules.get("ScheduleExpression") or ""
    rate, cron = RATE.fullmatch(expression), CRON.fullmatch(expression)
    if rate:
        return int((since + _interval(rate)).timestamp())
    return _next_of(cron, since) if cron else None


def _interval(rate: re.Match) -> dt.timedelta:
    return dt.timedelta(**{rate[2].removesuffix("s") + "s": int(rate[1])})


def _next_of(cron: re.Match, since: dt.datetime) -> int | None:
    """Checks each hour of the next 366 days. L, W and # are not emulated."""
    _, hours, days, months, weekdays = (cron[field] for field in range(1, 6))
    moment = since.replace(minute=0, second=0, microsecond=0)
    try:
        for _ in range(366 * 24):
            moment += dt.timedelta(hours=1)
            if (
                _matches(hours, moment.hour, 23)
                and _matches(days, moment.day, 31)
                and _matches(months, moment.month, 12, MONTHS, 1)
                and _matches(weekdays, moment.isoweekday() % 7 + 1, 7, DAYS, 1)
            ):
                return int(moment.timestamp())
    except ValueError:
        return None
    return None


def _matches(field: str, value: int, most: int, names: tuple[str, ...] = (), first: int = 0) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            low, high = first, most
        else:
            ends = [names.index(end) + first if end in names else int(end) for end in span.split("-")]
            low, high = ends[0], ends[-1] if len(ends) > 1 or not step else most
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False
