"""Passages to the sentences and few words that answer, and how sure it is that they do."""
