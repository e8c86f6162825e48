"""The one name for a NumPy array of any shape and dtype; shapes stand in the docstrings."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
