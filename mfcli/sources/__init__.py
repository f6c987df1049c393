"""Where tables come from: data sets, files, archives, downloads; and their formats."""
