"""Hand-written gradients compared with a program's, and what went wrong in them explained."""
