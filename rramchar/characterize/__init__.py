"""Boundaries found by bisection on the simulator: outcome maps and input-referred offset."""
