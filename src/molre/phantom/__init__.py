"""Synthetic head CT with known findings, written as DICOM (entry: `phantom.write`)."""
