"""The main job: everything the package does, once, on the built-in technology and data."""
