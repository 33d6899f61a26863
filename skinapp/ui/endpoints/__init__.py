"""What programs and the page's own scripts call."""
