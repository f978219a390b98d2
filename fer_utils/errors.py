"""The errors that a user can fix: each message is one line that names the file or value and how to fix it."""


class UserError(Exception):
    """Base of them all. On the command line and in notebooks they show as one line, without a traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython's hook
        return [f"{type(self).__name__}: {self}"]


class OutputError(UserError):
    """A file or folder that cannot be written."""


class DatasetError(UserError):
    """A root that cannot be read as the dataset it is said to be."""


class ModelFileError(UserError):
    """A model file that is missing, damaged, or not the one expected."""


class TrainingError(UserError):
    """A training that came to no usable weights."""


class SplitError(UserError):
    """Data that cannot be split as asked, or a split that leaks."""


class StudyError(UserError):
    """A study that cannot start."""


class PredictError(UserError):
    """A recording that cannot be read or in which nothing can be recognised, or that would be written over."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the error's name if it has none; of the system's, its words."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
