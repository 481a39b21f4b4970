"""Telling others: events, who subscribed, signatures, attempts."""
