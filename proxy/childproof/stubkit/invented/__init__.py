"""Values that nobody wrote: people, words, numbers, texts of a pattern, whole schemas."""
