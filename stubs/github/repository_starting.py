"""What a new repository holds: the first commit that `auto_init` makes, or what a template or a parent has."""

from childproof.stubkit import Context, Entity, git

from .gitignores import TEMPLATES
from .licenses import LICENSES

GITHUB = ("GitHub", "noreply@github.com")  # who commits what is done on the site


def start(ctx: Context, made: Entity, author: Entity, *, gitignore: str | None = None, readme: bool = True) -> None:
    """Make the first commit: a README, and the license and .gitignore that were asked for."""
    text = f"# {made['name']}\n" + (f"{made['description']}\n" if made["description"] else "")
    files = {"README.md": text} if readme else {}
    if gitignore:
        files[".gitignore"] = TEMPLATES.get(gitignore, "")
    if made["_license"]:
        files["LICENSE"] = (
            f"{LICENSES[made['_license']][0]}\n\nCopyright (c) {ctx.now()[:4]} {author['name'] or author['login']}\n"
        )
    commit(ctx, made, author, "Initial commit", files)


def commit(ctx: Context, made: Entity, author: Entity, message: str, files: dict[str, str]) -> str:
    """Commit files on the default branch, as the site does; gives the commit's id."""
    repo = git.repository(ctx, made.id, head=f"refs/heads/{made['default_branch']}")
    time = ctx.now_ms() // 1000
    entries: dict[str, git.Entry | None] = {
        path: git.Entry(path, 0o100644, repo.write_blob(text.encode())) for path, text in files.items()
    }
    parent = repo.resolve("HEAD")
    base = (repo.commit(parent).tree,) if parent is not None else ()
    tree = repo.write_tree(entries, *base)
    who = git.Identity(author["name"] or author["login"], author["email"] or noreply(author), time)
    sha = repo.write_commit(tree, [parent] if parent else [], who, message, committer=git.Identity(*GITHUB, time))
    repo.set_ref(repo.head, sha)
    return sha


def take_over(ctx: Context, made: Entity, origin: Entity, *, squashed: bool) -> None:
    """Give a repository what another one holds: its branches and tags with their history, or `squashed` into one commit."""
    source = git.repository(ctx, origin.id, head=f"refs/heads/{origin['default_branch']}")
    target = git.repository(ctx, made.id, head=f"refs/heads/{made['default_branch']}")
    target.adopt(source)
    tip = source.resolve("HEAD")
    if not squashed:
        for name, sha in source.refs.items():
            if name.startswith(("refs/heads/", "refs/tags/")):
                target.set_ref(name, sha)
    elif tip is not None:
        who = git.Identity(*GITHUB, ctx.now_ms() // 1000)
        target.set_ref(target.head, target.write_commit(source.commit(tip).tree, [], who, "Initial commit"))


def has_branch(ctx: Context, found: Entity, name: str) -> bool:
    """Whether a repository has a branch of that name; an empty one may be told any."""
    repo = git.repository(ctx, found.id)
    return repo.ref(f"refs/heads/{name}") is not None or not repo.refs


def noreply(found: Entity) -> str:
    """The mail address by which the site commits for somebody."""
    return f"{found['id']}+{found['login']}@users.noreply.github.com"
