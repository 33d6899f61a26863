"""What stands between a visitor and the page's routes: who may ask, how much and how long, and what answers say to a browser."""
