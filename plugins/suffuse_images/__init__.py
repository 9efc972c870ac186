"""Pictures: folders, named data sets, or anything that Pillow opens."""
