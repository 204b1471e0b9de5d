"""The width law: a sweep's records as curves, fits, phases, and the rivals beside them."""
