"""The passes, one a file: each a function from graph to graph (or from builder to builder's nodes)."""
