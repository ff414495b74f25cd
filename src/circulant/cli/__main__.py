"""`python -m circulant.cli`."""

from circulant.cli.start import start

if __name__ == "__main__":
    start()
