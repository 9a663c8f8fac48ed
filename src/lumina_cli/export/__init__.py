"""Models in the files of other programs: for each target its mapping, its files and its check."""
