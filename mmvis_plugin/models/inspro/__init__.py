"""Inspro."""
