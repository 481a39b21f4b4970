"""The command line: `childproof …`. One file per command group; each only parses, calls and prints."""
