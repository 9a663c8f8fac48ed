"""Where settings come from: flags, variables, files, presets; and whether they are valid."""
