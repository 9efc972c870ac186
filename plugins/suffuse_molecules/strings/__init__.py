"""The second engine of molecules: SMILES, as strings of tokens."""
