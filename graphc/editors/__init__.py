"""What editors, highlighters and shells need to know of the language and its command."""
