"""The environments that a run makes or finds: how they are laid out, what is in them, and what their programs see."""
