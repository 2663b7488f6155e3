"""What pods tell of themselves, and what the operator does."""

from carillon_operator.metrics.own import Own
from carillon_operator.metrics.scrape import Reading, Scraper, parse

__all__ = ["Own", "Reading", "Scraper", "parse"]
