//! Must hold 6: whoever reads, reads the same.
