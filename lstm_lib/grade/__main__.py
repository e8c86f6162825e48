"""The command ``python -m lstm_lib.grade``."""

import sys

from lstm_lib.grade import main

sys.exit(main())
