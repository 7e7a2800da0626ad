//! Loopback ports that no other process takes before the child binds them.
//!
//! For port 0, the kernel chooses a port of the ephemeral range, which any outgoing connection may take before the child
//! binds it. Therefore ports come in blocks from below that range (it starts at 32768, `ip_local_port_range` in ip(7)).
//! The first port of a block stays bound while the block is held. Other processes then skip the block. The kernel
//! releases the port however the process ends.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result, ensure};

const FIRST: u16 = 20_000;
const BLOCK: u16 = 16;
const BLOCKS: u16 = 750;

/// Fifteen free loopback ports, held until dropped.
#[derive(Debug)]
pub struct PortBlock {
    first: u16,
    _guard: TcpListener,
}

impl PortBlock {
    /// The number of ports in a block.
    pub const SIZE: u16 = BLOCK - 1;

    /// Reserves a block. The search starts at another place in each process and at each call, so that it is short.
    ///
    /// # Errors
    /// When no block is free.
    pub fn reserve() -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let start = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or_default();
        (0..BLOCKS)
            .map(|_| start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS)
            .find_map(|block| Self::take(FIRST + block * BLOCK))
            .context("no block of loopback ports is free")
    }

    /// The `index`-th port of the block, from 0.
    #[must_use]
    pub fn port(&self, index: u16) -> u16 {
        debug_assert!(index < Self::SIZE, "a block has {} ports", Self::SIZE);
        self.first + 1 + index
    }

    fn take(first: u16) -> Option<Self> {
        let guard = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok()?;
        (1..BLOCK).all(|offset| is_free(first + offset)).then_some(Self { first, _guard: guard })
    }
}

/// `count` free loopback ports, held until this process ends.
///
/// # Errors
/// When no block is free, or `count` is larger than a block.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    static HELD: Mutex<Vec<PortBlock>> = Mutex::new(Vec::new());
    ensure!(count <= usize::from(PortBlock::SIZE), "at most {} ports at a time", PortBlock::SIZE);
    let block = PortBlock::reserve()?;
    let ports = (0..PortBlock::SIZE).map(|index| block.port(index)).take(count).collect();
    HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(block);
    Ok(ports)
}

/// Whether nothing listens on the loopback port.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blocks_never_share_a_port_and_a_dropped_one_is_free_again() -> Result<()> {
        let is_free_again = || -> Result<bool> {
            let one = PortBlock::reserve()?;
            let first = one.first;
            assert!(PortBlock::take(first).is_none(), "a held block was given out twice");
            assert_ne!(PortBlock::reserve()?.first, first);
            drop(one);
            Ok(PortBlock::take(first).is_some())
        };
        // Another testbed on the machine may take the block first, but not every time.
        for _ in 0..10 {
            if is_free_again()? {
                return Ok(());
            }
        }
        panic!("a dropped block stayed taken");
    }
}
