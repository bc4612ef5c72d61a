"""A project that works on each Python that it promises."""
