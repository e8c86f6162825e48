"""What ``lstm_lib.use`` and ``lstm_lib.train`` do for each use: ``ABOUT``, ``add`` for the options, and ``run``."""
