"""What the compiler did, in a form that people read."""
