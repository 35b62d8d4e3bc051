"""Learning on the chip: binarized networks trained in the array by weak RESET pulses."""
