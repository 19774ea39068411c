"""``python -m speechgmm`` is the command line."""

from speechgmm.cli import entry_point

if __name__ == "__main__":
    entry_point()
