"""Datasets: their types, references, storage classes and collections, as values.

Not here: where they are stored (``datastores``) or recorded (``registry``).
Start with ``dataset_type.DatasetType`` and ``ref.DatasetRef``.
"""
