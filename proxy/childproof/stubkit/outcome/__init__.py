"""A stub's own words for what happened, and what it adds up to."""
