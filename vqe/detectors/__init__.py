"""Difference detectors: does this frame differ from the empty scene?"""
