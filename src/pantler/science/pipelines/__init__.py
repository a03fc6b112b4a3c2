"""Packaged pipelines of the example tasks.

Not here: the tasks. Each file says at its top what it needs and how it is run.
"""
