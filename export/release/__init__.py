"""What others are given: the model's card, the program, the static page."""
