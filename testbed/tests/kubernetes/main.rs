//! What a cluster of the testbed promises.

mod life;
mod support;
