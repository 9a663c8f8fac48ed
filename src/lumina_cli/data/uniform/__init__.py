"""Many rows of one shape at once, equal to what `row_converter` makes of them one by one."""
