"""`citewell doctor`: checks everything that an answer needs."""
