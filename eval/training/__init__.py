"""Trains the reader that ships with the project: `python -m eval.training --data FOLDER --out FOLDER`."""
