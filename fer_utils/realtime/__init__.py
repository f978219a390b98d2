"""Takes frames as they come, or a video file; gives labels: `Recognizer`, prediction on files, the demo.

May import `models`, `features`, `landmarks`, `data` and `plots`.
"""
