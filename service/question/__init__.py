"""Text to a question: stand-alone text, answer type, names, dates and the period that it asks for."""
