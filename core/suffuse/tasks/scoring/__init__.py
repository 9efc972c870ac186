"""Scoring files of any size: sources, batches, columns, parts that outlive a crash, and files of scores."""
