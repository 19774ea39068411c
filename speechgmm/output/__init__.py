"""Output: files that are complete or not there, even if a run is killed while it writes them.

- `files`: checks of destinations before the work, and atomic writing.
- `temporary_files`, `locks`: temporary files whose owner can be told, so that those of killed runs are deleted.
"""
