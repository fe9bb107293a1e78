//! vpcc
