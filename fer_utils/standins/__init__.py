"""Takes a seed; gives rendered recordings in the layouts of the datasets, with the truth known.

They let every stage run from pixels. They say nothing about real faces, and every tree that is written says so in its
`manifest.json` (`"rendered": true`). May import `data`, `landmarks` and the root modules.
"""
