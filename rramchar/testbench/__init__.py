"""Cells with their stimulus, what may be altered between points, and what is recorded."""

from rramchar.testbench.base import TESTBENCHES, ReadTestbench
from rramchar.testbench.read import ReadParameters, ReadPoint, build_read

__all__ = ["TESTBENCHES", "ReadParameters", "ReadPoint", "ReadTestbench", "build_read"]
