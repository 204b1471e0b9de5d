"""Networks that are trained to the end: sets of other sizes, their history, their page."""
