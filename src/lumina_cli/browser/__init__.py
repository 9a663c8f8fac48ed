"""What pages in a browser are made of: the model in JavaScript, views, one file of it all."""
