"""English rules that choose and check an answer; to be replaced by learned judgement, so nothing is added here."""
