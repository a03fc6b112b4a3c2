"""Plugins as a stranger would write them, using only the public interfaces."""
