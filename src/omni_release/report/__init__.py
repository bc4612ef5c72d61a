"""A report in its forms: for the terminal, for programs, for pages; and the files of a run."""
