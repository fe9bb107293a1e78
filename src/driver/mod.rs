//! Drivers: the only code of the crate that touches sockets and clocks, behind features.
