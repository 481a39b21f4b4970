"""`python -m childproof`: the same as the `childproof` command."""

from childproof.cli.main import main

main()
