"""Who follows a ledger, or asks what came after a moment, misses nothing where a world was taken back meanwhile."""

from childproof.model import NO_UPSTREAM


def reset(book, world="main"):
    book.store.reset(world, record=book.ledger)


def test_a_position_is_never_given_twice(book):
    for _ in range(3):
        book.call()
    before = book.ledger.position()
    reset(book)
    assert list(book.ledger.entries(after=before)) == []
    made = [book.call(), book.call()]
    assert list(book.ledger.entries(after=before)) == made
    assert list(book.ledger.entries(world="main", after=before)) == made
    assert list(book.ledger.entries(world="main", after=before, last=1)) == made[-1:]
    assert list(book.ledger.entries(world="main", after=before, after_seq=1)) == made[1:]


def test_a_position_counts_over_all_worlds_and_leaves_out_what_was_inherited(book):
    book.call()
    before = book.ledger.position()
    book.store.fork("main", "try")
    here, there = book.call("try"), book.call("main")
    assert list(book.ledger.entries(world="try", after=before)) == [here]
    assert list(book.ledger.entries(after=before)) == [here, there]


def test_a_tail_goes_on_with_what_comes_after_a_reset(book):
    for _ in range(3):
        book.call()
    tail = book.ledger.tail(world="main")
    reset(book)
    made = [book.call(), book.call()]
    assert tail.read() == made
    assert tail.read() == []


def test_a_tail_sees_what_is_settled_after_a_reset(book):
    def allowed():
        made = book.call(verdict="allow", status=None)
        settled = {"upstream": NO_UPSTREAM, "status": 200, "reply": None, "duration_us": 5}
        book.ledger.settle(made.id, **settled)
        return made

    allowed()
    allowed()
    tail = book.ledger.tail()
    reset(book)
    made = book.call(verdict="allow", status=None)
    assert [(entry.id, entry.settled) for entry in tail.read()] == [(made.id, False)]
    book.ledger.settle(made.id, upstream=NO_UPSTREAM, status=200, reply=None, duration_us=5)
    assert [(entry.id, entry.settled) for entry in tail.read()] == [(made.id, True)]
