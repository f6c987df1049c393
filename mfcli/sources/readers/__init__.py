"""File formats → rows.

formats.py     the table of formats: how each is recognised and read
detect.py      what a text is, by its first bytes; encodings.py: how it is encoded
tidy.py        what stands around a table: titles, comments, frames; noise.py: how it looks;
               dropping.py: lines within the table that are no rows
delimited.py   u.data, ratings.dat, csv, tsv, space, recbole; dialect.py: how such a table is cut
blocks.py      a text in blocks of whole rows, parsed by threads that always end; quotes.py: where
               rows end that hold quotes; quoting.py: how cells are quoted; parsing.py: one block
adjacency.py   adjacency lists, negatives
columnar.py (Parquet, Feather, ORC), jsonl.py, typed.py (tables whose columns have types)
matrices.py    sparse matrices: SciPy, Matrix Market, mfcli's own; netflix.py
foreign.py     what is refused, with the way out
streamed.py    pairs of ids in small batches
columns.py     which column is the user, the item, the rating, the time: roles.py (how well a name
               fits), vocabulary.py and words.py (the words of names), looks.py (what cells hold);
               headers.py (is there a header), shapes.py (columns without names)
table.py       what readers fill, chunk by chunk: id_columns.py and id_tokens.py
               (ids), values.py (ratings), times.py and time_cells.py (times: time_forms.py, dates
               as text; time_numbers.py, numbers), gaps.py (missing ratings and times)
lines.py       after an error: the line it stands on
names.py       item names
layouts.py     which files of a folder or a zip are the data set; likeness.py: which are like parts
part.py        what is known of a part from outside of its file; partitions.py: columns of folders
union.py       several sources as one table
source.py, seekable.py, text.py, cells.py: streams; lines and cells of text; cells of Arrow
"""
