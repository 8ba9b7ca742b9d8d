"""Files to Volume: discovery, series choice, DICOM, NIfTI, geometry and the head check.

``molre.ct.read.read`` is the way in; ``molre.ct.survey.survey`` lists what a folder holds.
"""
