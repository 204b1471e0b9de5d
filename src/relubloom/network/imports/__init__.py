"""Networks that others trained: read, understood, checked; refused by name where they differ."""
