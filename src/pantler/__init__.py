"""Pantler: a data butler and pipeline execution system for any observatory."""
