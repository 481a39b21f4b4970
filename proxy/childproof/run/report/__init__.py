"""What is said at the end, on a terminal and in a file."""
