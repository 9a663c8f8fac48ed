"""Who may use the server: the key, the Host and the Origin of each request."""
