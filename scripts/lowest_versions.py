"""Print the lowest versions of the dependencies that are allowed, as constraints for pip.

python scripts/lowest_versions.py > constraints.txt

They are those of the installed package, with its extras, but without the tools of the tests and of the documentation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from importlib import metadata

from packaging.requirements import Requirement

TOOLS = ("docs", "test")


def lowest_versions(requirements: Iterable[str]) -> Iterator[str]:
    """A line ``NAME==VERSION`` for each requirement ``NAME>=VERSION``, except those of the extras of `TOOLS`."""
    for requirement in map(Requirement, requirements):
        if not any(f'extra == "{extra}"' in str(requirement.marker) for extra in TOOLS):
            yield from (
                f"{requirement.name}=={each.version}" for each in requirement.specifier if each.operator == ">="
            )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    print("\n".join(lowest_versions(metadata.requires("speechgmm") or ())))
