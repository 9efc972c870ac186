"""Molecules for suffuse: graphs of atoms and bonds, from SMILES, CSV and SDF files."""
