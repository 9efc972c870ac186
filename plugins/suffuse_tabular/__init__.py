"""Tables for suffuse: rows of numbers, categories, ordinals and dates, some cells empty."""
