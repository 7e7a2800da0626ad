//! Copies of a credential in the memory of a process, read through proc(5).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The needle is never in memory as such, so that the search does not find itself.
const MASK: u8 = 0xa5;
const CHUNK: usize = 1024 * 1024;

/// What is looked for, masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked(Vec<u8>);

impl Masked {
    /// Masks `plain`. The caller still has the plain form, and must wipe it if the search is in the same process.
    #[must_use]
    pub fn of(plain: &[u8]) -> Self {
        Self(plain.iter().map(|byte| byte ^ MASK).collect())
    }

    /// A credential of letters and digits that never was in memory in its plain form.
    #[must_use]
    pub fn made_of(seed: u64) -> Self {
        const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let mut random = crate::Random::of(seed, "memory", 0);
        let letter = |_| random.pick(LETTERS).copied().unwrap_or(b'A') ^ MASK;
        Self((0..32).map(letter).collect())
    }

    /// Appends the plain form to `text`, which must have room for it, because a `String` that grows leaves a copy.
    pub fn reveal_to(&self, text: &mut String) {
        assert!(text.capacity() - text.len() >= self.0.len(), "the text would grow");
        text.extend(self.0.iter().map(|byte| char::from(byte ^ MASK)));
    }

    fn is_at(&self, bytes: &[u8]) -> bool {
        bytes.len() >= self.0.len() && self.0.iter().zip(bytes).all(|(masked, byte)| masked ^ MASK == *byte)
    }
}

/// How often each of the `wanted` is in the memory that the process (`/proc/self`, `/proc/4711`) can write: heap, stack and
/// data.
///
/// # Errors
/// When the memory cannot be read. The caller needs the permission to trace the process.
pub fn copies(process: &Path, wanted: &[Masked]) -> io::Result<Vec<usize>> {
    let maps = fs::read_to_string(process.join("maps"))?;
    let memory = File::open(process.join("mem"))?;
    let longest = wanted.iter().map(|one| one.0.len()).max().unwrap_or(1).max(1);
    let mut by_first: Vec<Vec<usize>> = vec![Vec::new(); 256];
    for (number, one) in wanted.iter().enumerate() {
        let first = one.0.first().ok_or_else(|| io::Error::other("nothing to look for"))? ^ MASK;
        by_first[usize::from(first)].push(number);
    }
    let mut counts = vec![0; wanted.len()];
    let mut buffer = vec![0_u8; CHUNK + longest - 1];
    // In the same process, what was just read is there a second time.
    let is_own = process == Path::new("/proc/self");
    let own = buffer.as_ptr().addr()..buffer.as_ptr().addr() + buffer.len();
    for (start, end) in maps.lines().filter_map(writable) {
        let mut at = start;
        while at < end {
            let length = (end - at).min(buffer.len());
            let Ok(read) = memory.read_at(&mut buffer[..length], at as u64) else { break };
            for offset in 0..read.min(CHUNK) {
                let found = &by_first[usize::from(buffer[offset])];
                if found.is_empty() || (is_own && own.contains(&(at + offset))) {
                    continue;
                }
                for number in found {
                    counts[*number] += usize::from(wanted[*number].is_at(&buffer[offset..read]));
                }
            }
            if read == 0 {
                break;
            }
            at += CHUNK;
        }
    }
    buffer.fill(0);
    Ok(counts)
}

/// The addresses of a line of `maps`, if the process can read and write there.
fn writable(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_whitespace();
    let (addresses, permissions) = (words.next()?, words.next()?);
    let (start, end) = addresses.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    permissions.starts_with("rw").then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_found_and_counted_until_it_is_overwritten() {
        let (here, nowhere) = (Masked::made_of(1), Masked::made_of(2));
        let count = || copies(Path::new("/proc/self"), &[here.clone(), nowhere.clone()]).unwrap();
        assert_eq!(count(), [0, 0]);
        let mut text = String::with_capacity(64);
        here.reveal_to(&mut text);
        let copy = text.clone();
        assert_eq!(count(), [2, 0], "two texts");
        for text in [text, copy] {
            let mut bytes = text.into_bytes();
            bytes.fill(b'.');
            std::hint::black_box(&bytes);
        }
        assert_eq!(count(), [0, 0]);
    }

    #[test]
    fn only_memory_that_a_process_writes_is_read() {
        let heap = "55d0a0000000-55d0a0021000 rw-p 00000000 00:00 0          [heap]";
        assert_eq!(writable(heap), Some((0x55d0_a000_0000, 0x55d0_a002_1000)));
        for line in ["7f0000000000-7f0000001000 r-xp 00000000 08:01 42 /usr/lib/x.so", "", "x"] {
            assert_eq!(writable(line), None, "{line}");
        }
    }
}
