project = "acme"
version = "1.2"
release = "1.2.3"
needs_sphinx = "1.2.3"
