"""A made-up document of four sentences and a question that two of them answer."""

BRIDGE = (
    "The council of Marlow voted on Tuesday to close the old bridge. "
    "Engineers said the repairs of the bridge will take 9 months, for two of its pillars are cracked. "
    "The repairs of the bridge will cost about $12.5 million, according to Mayor Ana Reyes. "
    "The bridge was built in 1931 by a company from Kassel."
)
QUESTION = "How long will the repairs of the bridge take, and what will the repairs cost?"
TAKE, COST = (sentence + "." for sentence in BRIDGE.split(". ")[1:3])
