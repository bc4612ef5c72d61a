"""The contract with the service: the shape of what it was recorded to answer, and what has changed of it."""
