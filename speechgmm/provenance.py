"""Names and versions of the software on which the numbers in a model or a report depend."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = ("librosa", "numpy", "scipy", "soundfile", "soxr", "speechgmm")
"""Another version of one of these may round differently."""


def software_versions() -> dict[str, str]:
    """Versions of Python and of `PACKAGES`, by name."""
    return {"python": platform.python_version(), **{package: metadata.version(package) for package in PACKAGES}}
