"""`python -m jaxz` is the command `jaxz`."""

from jaxz.cli import app

if __name__ == "__main__":
    app()
