"""What was learned becomes a model folder."""
