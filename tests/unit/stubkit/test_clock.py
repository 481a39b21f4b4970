"""World time as services write it."""

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from childproof.stubkit.clock import http_date


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_a_date_header_is_the_standard_librarys(moment: int) -> None:
    """Every moment until the year 9999 reads as RFC 9110 has it."""
    assert http_date(moment) == formatdate(moment // 1000, usegmt=True)
