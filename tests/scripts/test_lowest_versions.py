"""The lowest versions of the dependencies."""

from __future__ import annotations

import pytest

from lowest_versions import lowest_versions

pytestmark = pytest.mark.checkout


def test_lowest_versions() -> None:
    """Of the package and its extras, for every Python, without the tools of the tests and of the documentation."""
    requirements = [
        "librosa<2,>=0.11",
        'tomli>=2; python_version < "3.11"',
        'av>=15; extra == "media"',
        'pytest>=8; extra == "test"',
        'sphinx>=8.1; extra == "docs"',
        'html5lib; extra == "report"',
    ]

    assert list(lowest_versions(requirements)) == ["librosa==0.11", "tomli==2", "av==15"]
