"""Operations that need no code of their own."""
