"""`simsort bench sorters`: every sorter on the same recordings, scored by one protocol.

`cases` makes the recordings, `oracle` says what each allows, `main` runs the sorters and `blocks` writes the tables.
"""
