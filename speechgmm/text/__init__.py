"""Text: what people and other programs write, and what a terminal or a spreadsheet may be given.

- `textfiles`: the encodings of text files; `tables`: CSV, read and written; `numerals`: numbers as files write them.
- `terminal`: names and labels without control characters.
"""
