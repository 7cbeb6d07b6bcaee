"""Question to cited answer; owns the language model."""
