"""Small organic molecules by rule: rings, groups put onto them atom by atom, and what is not stable left out."""
