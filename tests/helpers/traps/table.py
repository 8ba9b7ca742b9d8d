"""The table of traps."""

from tests.helpers.traps.files import FILES
from tests.helpers.traps.frames import FRAMES
from tests.helpers.traps.neighbors import NEIGHBORS
from tests.helpers.traps.objects import OBJECTS
from tests.helpers.traps.values import VALUES
from tests.helpers.traps.where import WHERE
from tests.helpers.traps.which import WHICH

TRAPS = (*WHERE, *WHICH, *NEIGHBORS, *VALUES, *OBJECTS, *FRAMES, *FILES)
