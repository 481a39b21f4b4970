"""One module for each thing that reads hostile bytes: `check(data)` raises where its docstring's promise is broken."""
