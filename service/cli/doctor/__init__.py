"""`citewell doctor`: is all in order that an answer needs?"""
