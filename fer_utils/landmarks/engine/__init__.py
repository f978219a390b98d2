"""Takes frames and a detector's networks; gives faces with points and ids: search, follow, smooth, average views.

A landmark network of another generation is one more file beside this folder, as `face_mesh.py`.
"""
