"""The calendar of the world's clock: what year and month it is, and midnights, from unix seconds alone."""

DAY = 86_400


def year_and_month(now: int) -> tuple[int, int]:
    """The UTC year and month of a unix time (the civil-from-days algorithm: eras of 400 years, years from March)."""
    days = now // DAY + 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    month = month + 3 if month < 10 else month - 9
    return year_of_era + era * 400 + (month <= 2), month


def midnight_after(now: int, days: int) -> int:
    """The start of the UTC day that many days on."""
    return (now // DAY + days) * DAY
