"""How the views of a model look at a terminal: in colours, or in digits where there are none."""
