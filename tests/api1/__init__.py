"""A plugin as it was written against version 1 of the contract. It is never changed: what breaks it breaks others."""
