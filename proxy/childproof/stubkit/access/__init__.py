"""Who may call, as whom, and how often."""
