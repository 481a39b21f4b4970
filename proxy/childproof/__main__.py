"""`python -m childproof`: the same as the `childproof` command."""

from childproof.cli.entry import main

main()
