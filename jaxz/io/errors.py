"""What readers and writers raise, and what they warn of."""


class FileError(OSError):
    """A file cannot be read or written; the message names the file, the part at fault and the fix."""


class FileWarning(UserWarning):
    """A file was read, but lacks something that it could be expected to have; the message names both."""
