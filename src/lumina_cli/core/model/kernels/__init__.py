"""The fast forms of the model's parts, each equal to the plain one."""
