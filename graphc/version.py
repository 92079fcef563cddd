"""The version, in the one place that everything else reads: the build, `graphc.__version__` and `graphc --version`."""

__version__ = "0.1.0"
