//! A zip with one stored file: the package of the probe. A compressed debug build would take seconds.

use anyhow::{Context as _, Result};

/// The time of the file: 1980-01-01, the earliest date in a zip.
const DATE: u16 = 0x0021;
const VERSION: u16 = 20;
/// A regular file that everybody may execute, made on Unix.
const MADE_BY: u16 = 0x031E;
const MODE: u32 = 0o100_755 << 16;

/// A zip with `content` as an executable file of this name (APPNOTE.TXT, 4.3).
///
/// # Errors
/// When the content is larger than a zip without the 64-bit form can hold.
pub fn stored(name: &str, content: &[u8]) -> Result<Vec<u8>> {
    let size = u32::try_from(content.len()).context("the program is too large for a zip")?;
    let name_size = u16::try_from(name.len()).context("the name is too long")?;
    let mut common = Vec::new();
    for half in [VERSION, 0, 0, 0, DATE] {
        common.extend(half.to_le_bytes());
    }
    for word in [crc32(content), size, size] {
        common.extend(word.to_le_bytes());
    }
    common.extend(name_size.to_le_bytes());
    common.extend(0_u16.to_le_bytes());

    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(content);

    let directory_at = u32::try_from(zip.len()).context("the program is too large for a zip")?;
    zip.extend(b"PK\x01\x02");
    zip.extend(MADE_BY.to_le_bytes());
    zip.extend(&common);
    // No comment, the first disk, no internal attributes.
    zip.extend([0; 6]);
    zip.extend(MODE.to_le_bytes());
    zip.extend(0_u32.to_le_bytes());
    zip.extend(name.as_bytes());

    let directory_size = u32::try_from(zip.len())?.saturating_sub(directory_at);
    zip.extend(b"PK\x05\x06");
    for half in [0_u16, 0, 1, 1] {
        zip.extend(half.to_le_bytes());
    }
    zip.extend(directory_size.to_le_bytes());
    zip.extend(directory_at.to_le_bytes());
    zip.extend(0_u16.to_le_bytes());
    Ok(zip)
}

/// The checksum of zip and Ethernet, with a table of 16 entries.
fn crc32(content: &[u8]) -> u32 {
    const TABLE: [u32; 16] = [
        0x0000_0000,
        0x1db7_1064,
        0x3b6e_20c8,
        0x26d9_30ac,
        0x76dc_4190,
        0x6b6b_51f4,
        0x4db2_6158,
        0x5005_713c,
        0xedb8_8320,
        0xf00f_9344,
        0xd6d6_a3e8,
        0xcb61_b38c,
        0x9b64_c2b0,
        0x86d3_d2d4,
        0xa00a_e278,
        0xbdbd_f21c,
    ];
    let step =
        |sum: u32, bits: u32| (sum >> 4) ^ TABLE.get(((sum ^ bits) & 15) as usize).copied().unwrap_or(0);
    !content.iter().fold(!0, |sum, byte| {
        let byte = u32::from(*byte);
        step(step(sum, byte), byte >> 4)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn python_reads_the_zip_and_finds_an_executable() -> Result<()> {
        let path = std::env::temp_dir().join(format!("conformance-{}.zip", std::process::id()));
        std::fs::write(&path, stored("bootstrap", b"#!/bin/sh\n")?)?;
        let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                      i = z.getinfo('bootstrap'); print(oct(i.external_attr >> 16), z.read(i).decode().strip())";
        let output = std::process::Command::new("python3").args(["-c", script]).arg(&path).output()?;
        std::fs::remove_file(&path)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.trim(), "0o100755 #!/bin/sh", "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}
