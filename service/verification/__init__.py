"""Does this text support this sentence: support, citations, claims, denials, saved answers replayed."""
