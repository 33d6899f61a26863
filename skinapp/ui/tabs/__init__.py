"""The page's tabs; a tab is a file with `add`."""
