"""The table of traps."""

from traps.files import FILES
from traps.frames import FRAMES
from traps.neighbors import NEIGHBORS
from traps.objects import OBJECTS
from traps.values import VALUES
from traps.where import WHERE
from traps.which import WHICH

TRAPS = (*WHERE, *WHICH, *NEIGHBORS, *VALUES, *OBJECTS, *FRAMES, *FILES)
