"""What watches calls: metrics, spans, the journal, troubles."""
