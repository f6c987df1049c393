"""Where tables come from: data sets, files, archives, downloads; and their formats.

datasets  the data sets that can be fetched by name
locate    SOURCE → what is to be read
identity  what a source is before it is read: the SHA-256 of its files; that these stay so
contents  what is in a file, an archive or a folder: the parts of a table
naming    item names for a table
download  downloads into a cache
readers   file formats → rows
reading   any SOURCE → its rows, in whatever format it has
values    values that are no ratings: which rows are left out, and what is warned of
frames    a pandas DataFrame → interactions
"""
