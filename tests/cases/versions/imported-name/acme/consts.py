author = "Somebody"
version = "1.9.9"
agent = f"acme/{version}"
