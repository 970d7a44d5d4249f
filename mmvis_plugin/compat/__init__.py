"""Vocabularies of other packages; each is switched on by importing it."""
