"""From text to graph: source, syntax tree, lowering, diagnostics."""
