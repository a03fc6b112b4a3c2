"""Packaged pipelines of the example tasks.

Not here: the tasks.
Start with ``science.yaml``; each file says at its top what it needs and makes.
"""
