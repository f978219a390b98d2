"""Takes frames; gives a `LandmarkTrack` (T, 478, 3): detectors, the cache of tracks, and the index tables of the face.

May import `data` and the root modules.
"""
