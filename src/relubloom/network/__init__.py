"""Networks: `ReluNet`, its weights on disk, and the two ways between it and a code."""
