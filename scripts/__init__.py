"""What writes files of this repository."""
