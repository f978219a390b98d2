"""Takes a seed and a folder; gives recordings in the layout of one dataset."""
