//! What a cluster of the testbed promises.

mod support;
mod life;
