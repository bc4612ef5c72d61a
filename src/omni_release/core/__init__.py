"""The machine: data model, tasks, engine, runs, settings."""
