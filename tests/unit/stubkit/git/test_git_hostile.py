"""What comes from a client is bounded and checked: malformed packs and lines are git's own errors, and leave nothing."""

import hashlib
import random
import zlib
from collections.abc import Callable, Iterator

import pytest

from childproof.stubkit.git import ZERO, GitError, store, unpacking
from childproof.stubkit.git import packs as packing
from childproof.stubkit.git.packs import packed, whole_entry
from childproof.stubkit.git.parsing import digest, links
from childproof.stubkit.git.refs import valid
from childproof.stubkit.git.unpacking import received
from childproof.stubkit.git.wire import FLUSH, line
from tests.unit.stubkit.git.gits import WHO, Hosting, hosted

BLOB = b"some text that is long enough to be worth a difference\n" * 20


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    yield from hosted(":memory:")


def head(kind: int, size: int) -> bytes:
    return packing._head(kind, size)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def delta(base: bytes, size: int, work: bytes) -> bytes:
    return varint(len(base)) + varint(size) + work


def by_name(base: bytes, instructions: bytes) -> bytes:
    return head(7, len(instructions)) + bytes.fromhex(digest("blob", base)) + zlib.compress(instructions)


def behind(back: int, instructions: bytes) -> bytes:
    assert back < 0x80
    return head(6, len(instructions)) + bytes([back]) + zlib.compress(instructions)


def take(data: bytes) -> packing.Pack:
    return received(data, lambda _: None)


def history() -> tuple[bytes, str, str]:
    """A pack with a commit of one file, the file's other version as a difference; the commit and the blob."""
    blob, other = digest("blob", BLOB), BLOB + b"more\n"
    tree = b"100644 f\0" + bytes.fromhex(blob)
    who = WHO.line()
    commit = b"tree %b\nauthor %b\ncommitter %b\n\nm\n" % (digest("tree", tree).encode(), who, who)
    change = delta(BLOB, len(other), b"\xb0" + len(BLOB).to_bytes(2, "little") + b"\x05more\n")
    entries = [
        whole_entry("commit", commit),
        whole_entry("tree", tree),
        whole_entry("blob", BLOB),
        by_name(BLOB, change),
    ]
    return packed(entries), digest("commit", commit), blob


def test_differences_are_made_of_what_they_differ_from() -> None:
    """By name and by place, in the pack or out of it: objects are what git would say they are."""
    data, commit, blob = history()
    pack = take(data)
    assert pack.read(digest("blob", BLOB + b"more\n")) == ("blob", BLOB + b"more\n")
    assert pack.wanted[blob] == "blob"
    thin = packed([by_name(BLOB, delta(BLOB, 3, b"\x03new"))])
    made = received(thin, lambda sha: ("blob", BLOB) if sha == blob else None)
    again = packing.opened(made.data, made.index())
    assert again.read(digest("blob", b"new")) == ("blob", b"new")
    assert again.read(blob) == ("blob", BLOB)
    assert commit in pack.objects


BROKEN: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no pack": lambda: b"PACKxxxx" * 10,
    "cut": lambda: history()[0][:-30],
    "another sum": lambda: history()[0][:-1] + b"\0",
    "more than it says": lambda: summed(b"PACK" + bytes.fromhex("00000002 00000001") + history()[0][12:-20]),
    "less than it says": lambda: summed(b"PACK" + bytes.fromhex("00000002 000000ff") + history()[0][12:-20]),
    "too many": lambda: summed(b"PACK" + bytes.fromhex("00000002 7fffffff")),
    "longer than it says": lambda: packed([head(3, 3) + zlib.compress(BLOB)]),
    "shorter than it says": lambda: packed([head(3, len(BLOB) + 1) + zlib.compress(BLOB)]),
    "bomb": lambda: packed([head(3, 1000) + zlib.compress(b"\0" * 5_000_000)]),
    "huge": lambda: packed([head(3, 1 << 40) + zlib.compress(b"")]),
    "endless size": lambda: packed([b"\xb0" + b"\xff" * 40]),
    "no such kind": lambda: packed([head(5, 1) + zlib.compress(b"x")]),
    "no base": lambda: packed([by_name(b"nowhere", delta(b"nowhere", 1, b"\x01x"))]),
    "base ahead": lambda: packed([behind(90, delta(BLOB, 1, b"\x01x"))]),
    "base in the middle": lambda: packed([whole_entry("blob", BLOB), behind(5, delta(BLOB, 1, b"\x01x"))]),
    "base of another size": lambda: packed([whole_entry("blob", BLOB), by_name(BLOB, delta(b"x", 1, b"\x01x"))]),
    "huge result": lambda: packed([whole_entry("blob", BLOB), by_name(BLOB, delta(BLOB, 1 << 36, b"\x01x"))]),
    "copies beyond": lambda: packed([whole_entry("blob", BLOB), by_name(BLOB, delta(BLOB, 16, b"\x91\xff\xff"))]),
    "result of another size": lambda: packed([whole_entry("blob", BLOB), by_name(BLOB, delta(BLOB, 9, b"\x01x"))]),
    "no instruction": lambda: packed([whole_entry("blob", BLOB), by_name(BLOB, delta(BLOB, 1, b"\x00"))]),
    "twice": lambda: packed([whole_entry("blob", BLOB)] * 2),
    "junk between": lambda: packed([whole_entry("blob", BLOB) + b"junk"]),
    "bad tree": lambda: packed([whole_entry("tree", b"100644 f\0short")]),
    "bad commit": lambda: packed([whole_entry("commit", b"tree x\n\n")]),
}


def summed(data: bytes) -> bytes:
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pack_is_refused_in_gits_words_and_leaves_nothing(hosting: Hosting, name: str) -> None:
    """`unpack` says why, each ref is refused, no row is written; and it takes no time or memory to find out."""
    command = line(f"{ZERO} {'1' * 40} refs/heads/main\0report-status") + FLUSH
    data = BROKEN[name]()
    reply = hosting.send("git-receive-pack", command + data)
    assert b"ng refs/heads/main" in reply, reply
    assert (b"unpack ok" in reply) is (not data)
    assert hosting.rows() == []


def test_packs_changed_at_random_are_refused_or_the_same() -> None:
    """Whatever byte is another one: an error of git's, or objects that are what their names say. Never another exception."""
    data, _, _ = history()
    dice = random.Random(7)
    for _ in range(1500):
        body = bytearray(data[:-20])
        for _ in range(dice.choice((1, 1, 2, 5))):
            body[dice.randrange(len(body))] = dice.randrange(256)
        try:
            made = take(summed(bytes(body)))
        except GitError:
            continue
        for sha in made.objects:
            assert digest(*made.read(sha)) == sha


def test_bounds_hold_for_what_is_made_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few bytes that would become many, and differences of differences without end."""
    grown = b"\xb0" + len(BLOB).to_bytes(2, "little")
    wide = [by_name(BLOB, delta(BLOB, len(BLOB) * 100 + n, grown * 100 + bytes([n]) + b"x" * n)) for n in range(1, 100)]
    monkeypatch.setattr(unpacking, "EXPANDED", len(BLOB) * 500)
    with pytest.raises(GitError, match="more than"):
        take(packed([whole_entry("blob", BLOB), *wide]))
    monkeypatch.undo()
    monkeypatch.setattr(unpacking, "DEEPEST", 5)
    deep, entries = BLOB, [whole_entry("blob", BLOB)]
    for _ in range(8):
        entries.append(by_name(deep, delta(deep, len(deep) + 1, b"\xb0" + len(deep).to_bytes(2, "little") + b"\x01x")))
        deep += b"x"
    with pytest.raises(GitError, match="deep"):
        take(packed(entries))


def test_what_refers_to_nothing_is_refused(hosting: Hosting) -> None:
    """A commit whose tree didn't come, a ref that stands for a tree: nothing of it is kept. The whole of it is."""
    data, commit, blob = history()
    lone = packed([whole_entry("commit", take(data).read(commit)[1])])
    command = line(f"{ZERO} {commit} refs/heads/main\0report-status") + FLUSH
    assert b"missing necessary objects: tree" in hosting.send("git-receive-pack", command + lone)
    as_branch = line(f"{ZERO} {blob} refs/heads/main\0report-status") + FLUSH
    assert b"not a commit" in hosting.send("git-receive-pack", as_branch + data)
    assert hosting.rows() == []
    assert b"ok refs/heads/main" in hosting.send("git-receive-pack", command + data)
    # Whoever thought the branch was elsewhere is refused, whatever they bring.
    stale = line(f"{'1' * 40} {commit} refs/heads/main\0report-status") + FLUSH
    assert b"is at " + commit.encode() + b" but expected" in hosting.send("git-receive-pack", stale + data)


def test_trees_of_trees_of_nothing_come_to_an_end(hosting: Hosting) -> None:
    """2 to the 45 folders in 3 KB: whoever would read them all is told that they are too many."""
    sha, entries, tree = digest("tree", b""), [whole_entry("tree", b"")], b""
    for _ in range(45):
        tree = b"".join(b"40000 %b\0%b" % (name, bytes.fromhex(sha)) for name in (b"a", b"b"))
        entries.append(whole_entry("tree", tree))
        sha = digest("tree", tree)
    who = WHO.line()
    data = b"tree %b\nauthor %b\ncommitter %b\n\nm\n" % (sha.encode(), who, who)
    commit = digest("commit", data)
    body = (
        line(f"{ZERO} {commit} refs/heads/main\0report-status")
        + FLUSH
        + packed([*entries, whole_entry("commit", data)])
    )
    assert b"unpack ok" in hosting.send("git-receive-pack", body)
    with hosting.repository() as repo:
        for reading in (
            repo.changes,
            lambda sha: list(repo.walk(repo.commit(sha).tree)),
            lambda sha: repo.archive(sha, "x", "zip"),
        ):
            with pytest.raises(GitError, match="can be"):
                reading(commit)


def test_heads_of_commits_are_bounded() -> None:
    """Neither a commit of many megabytes nor one of a million lines is looked at line by line."""
    tree, who = b"tree " + b"1" * 40, WHO.line()
    with pytest.raises(GitError, match="more than"):
        links("commit", b"%b\nauthor %b\ncommitter %b\n\n%b" % (tree, who, who, b"x" * (2 << 20)))
    with pytest.raises(GitError, match="parents"):
        links("commit", b"%b\n%bauthor %b\ncommitter %b\n\n" % (tree, (b"parent %b\n" % (b"2" * 40)) * 1001, who, who))
    assert links("commit", b"%b\nauthor %b\ncommitter %b\n%b\n" % (tree, b"<" * 900_000, who, b"x\n" * 9)) == [
        ("1" * 40, "tree")
    ]


def test_small_objects_of_a_large_one_are_read_as_far_as_is_reasonable(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them alone; not all at once, when each means to unpack what it differs from."""
    monkeypatch.setattr(store, "MOST_READ", 10_000_000)
    base = b"\0" * 300_000  # more than is remembered
    small = [b"%09d" % number for number in range(60)]
    made = [delta(base, 9, b"\x09" + one) for one in small]
    named = bytes.fromhex(digest("blob", base))
    entries = [head(7, len(one)) + named + zlib.compress(one) for one in made]
    tree = b"".join(b"100644 %03d\0%b" % (at, bytes.fromhex(digest("blob", one))) for at, one in enumerate(small))
    who = WHO.line()
    data = b"tree %b\nauthor %b\ncommitter %b\n\nm\n" % (digest("tree", tree).encode(), who, who)
    commit = digest("commit", data)
    pack = packed([whole_entry("blob", base), *entries, whole_entry("tree", tree), whole_entry("commit", data)])
    command = line(f"{ZERO} {commit} refs/heads/main\0report-status") + FLUSH
    assert b"unpack ok" in hosting.send("git-receive-pack", command + pack)
    with hosting.repository() as repo:
        assert repo.blob(digest("blob", small[7])) == small[7]
        with pytest.raises(GitError, match="at a time"):
            repo.changes(commit)


def test_refs_in_each_others_way_are_found_among_thousands(hosting: Hosting) -> None:
    """Each of thousands that comes is compared with its own folders, not with all others."""
    data, commit, _ = history()
    names = [f"refs/heads/f{number}" for number in range(2000)]

    def push(refs: list[str], pack: bytes) -> bytes:
        commands = b"".join(line(f"{ZERO} {commit} {ref}\0report-status") for ref in refs)
        return hosting.send("git-receive-pack", commands + FLUSH + pack)

    assert push([f"{name}/x" for name in names], data).count(b"ok refs/") == 2000
    assert push(names, data).count(b"exists; cannot create") == 2000
    reply = push(["refs/heads/new/a/b", "refs/heads/new/a", "refs/heads/new/c"], data)
    assert (reply.count(b"ok refs/"), reply.count(b"cannot create")) == (2, 1)


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
@pytest.mark.parametrize(
    "body",
    [b"x", b"zzzz", b"0003", b"0009done", b"ffff", b"0032want ", b"fff0" + b"x" * 70_000, line("want x"), line("\0\0"),
     line("want " + "1" * 40) + FLUSH + line("done"), line("filter tree:0"), line("a b c")],
)  # fmt: skip
def test_lines_that_are_none_are_answered_with_an_error(hosting: Hosting, service: str, body: bytes) -> None:
    """In git's own protocol, so that git shows it."""
    reply = hosting.send(service, body)
    assert reply[4:8] == b"ERR ", reply


def test_objects_are_checked_as_fsck_does() -> None:
    """Names that would write elsewhere, modes that git hasn't, lines out of order."""
    sha = b"\x11" * 20
    for tree in (
        b"100644 ../x\0" + sha, b"100644 .git\0" + sha, b"40000 .GIT\0" + sha, b"100644 a/b\0" + sha, b"100644 ..\0" + sha,
        b"100644 \0" + sha, b"777 a\0" + sha, b"100644 b\0" + sha + b"100644 a\0" + sha, b"100644 a\0" + sha + b"40000 a\0" + sha,
    ):  # fmt: skip
        with pytest.raises(GitError):
            links("tree", tree)
    who = WHO.line()
    for commit in (b"", b"tree " + b"1" * 40 + b"\n\n", b"tree x\nauthor %b\ncommitter %b\n\n" % (who, who)):
        with pytest.raises(GitError):
            links("commit", commit)
    odd = b"tree " + b"1" * 40 + b"\nauthor <\ncommitter nobody\nencoding klingon\n\n\xff"
    assert links("commit", odd) == [("1" * 40, "tree")]


@pytest.mark.parametrize(
    ("name", "may"),
    [("refs/heads/main", True), ("refs/heads/a/b", True), ("refs/heads/ü", True), ("HEAD", False), ("refs/x", False),
     ("refs/heads/a..b", False), ("refs/heads/.a", False), ("refs/heads/a.lock", False), ("refs/heads/a b", False),
     ("refs/heads/a~1", False), ("refs/heads/a/", False), ("refs/heads/a//b", False), ("refs/heads/@{u}", False),
     ("refs/heads/\udcff", False), ("refs/heads/a\x7f", False), ("refs/heads/" + "a" * 300, False)],
)  # fmt: skip
def test_refs_are_named_as_git_allows(name: str, *, may: bool) -> None:
    """git-check-ref-format(1), below refs/, in UTF-8, of a length that files could have."""
    assert valid(name) is may
