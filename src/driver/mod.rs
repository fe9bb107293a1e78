//! Drivers: the only code of the crate that touches sockets and clocks, behind features.

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;
