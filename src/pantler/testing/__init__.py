"""Testing: conformance suites and fakes that plugin authors inherit.

Not here: our own tests, which use these.
Start with ``tasks``.
"""
