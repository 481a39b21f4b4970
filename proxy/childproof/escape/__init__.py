"""Trying to get out: the escape matrix as one table of attempts, made in each topology beside a sinkhole.

The tests and `childproof doctor --escape` read the same table. This package stands above the whole of childproof, since
the whole is what it tries: it starts `childproof` as a user does and looks at what left and at what was recorded.
"""
