"""The kernel's tables, in its own words: netlink messages, expressions, log groups."""
