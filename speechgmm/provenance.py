"""Names and versions of the software on which the numbers in a model or a report depend."""

from __future__ import annotations

import platform
import re
from importlib import metadata

PACKAGES = ("librosa", "numpy", "scipy", "soundfile", "soxr", "speechgmm")
"""Another version of one of these may round differently."""


def software_versions() -> dict[str, str]:
    """Versions of Python and of `PACKAGES`, by name."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}


def version(package: str) -> str:
    """The version of a package; of speechgmm the last release, so that no commit changes the bytes of a model."""
    full = metadata.version(package)
    return re.split(r"\.post|\+", full)[0] if package == "speechgmm" else full
