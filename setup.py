"""Puts the notebooks and the published numbers into the wheel; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithNotebooks(build_py):
    """Copies them into the package; an editable install finds them in the clone."""

    def run(self):
        """Build, and copy them unless the install is editable."""
        super().run()
        if self.editable_mode:
            return
        for file in [*Path("notebooks").glob("*.ipynb"), Path("figures/published.csv")]:
            target = Path(self.build_lib) / "fer_utils" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithNotebooks})
