"""Figures, one function each, and the execution and export of report notebooks."""
