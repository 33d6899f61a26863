"""How fast each file answers, beside other programs."""
