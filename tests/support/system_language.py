"""Imported first, this makes the window speak the language of the system: constants are translated at import."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from i3desk import language

language.use(language.of_system())
