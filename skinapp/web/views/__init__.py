"""What a visitor sees, as HTML."""
