"""From graph to text: NumPy modules, LaTeX, pictures."""
