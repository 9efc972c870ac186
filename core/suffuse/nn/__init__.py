"""Networks that any domain may use."""
