"""Pictures and traces of evaluations (``stream.visualization``)."""
