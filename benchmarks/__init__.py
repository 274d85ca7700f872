"""How fast and how exact jaxz is; see README.md beside this file."""
