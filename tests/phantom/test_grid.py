import numpy as np

from molre.phantom.grid import Grid

AXIS = (np.arange(64, dtype=np.float32) - 31.5) * 3
GRID = Grid(np.arange(-40, 41, 5, dtype=np.float32), AXIS, AXIS, tilt=0.2, yaw=0.05, roll=0.02)


def test_a_box_holds_every_voxel_near_its_center():
    center, half = (20.0, -10.0, 5.0), (12.0, 9.0, 7.0)
    near = (
        (np.abs(GRID.x - center[0]) <= half[0])
        & (np.abs(GRID.y - center[1]) <= half[1])
        & (np.abs(GRID.z - center[2]) <= half[2])
    )
    outside = near.copy()
    outside[GRID.box(center, half)] = False
    assert near.any()
    assert not outside.any()


def test_a_box_off_the_grid_is_empty():
    assert GRID.z[GRID.box((0, 0, 500), (5, 5, 5))].size == 0
    assert GRID.z[GRID.box((900, 0, 0), (5, 5, 5))].size == 0


def test_a_positive_tilt_lowers_the_back_of_a_slice():
    assert GRID.z[0, -1, 32] < GRID.z[0, 0, 32]
