"""Gold pairs, and how far answers meet them."""
