"""Copy the checkout and build it."""
