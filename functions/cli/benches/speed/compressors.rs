//! The compressor of the collector and its alternatives.

use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

/// The gzip compressor and level that the collector uses by default.
pub(crate) const COLLECTOR_GZIP: Compressor = Compressor::ZlibRs(4);
/// The zstd level that the collector uses if it is configured for zstd.
pub(crate) const COLLECTOR_ZSTD: Compressor = Compressor::Zstd(3);
/// The measured compressors. All write gzip, except zstd. ISA-L is missing because its crate needs autotools and an
/// assembler, and this project builds with a C compiler only.
pub(crate) const ALL: [Compressor; 10] = [
    Compressor::ZlibRs(1),
    Compressor::ZlibRs(2),
    Compressor::ZlibRs(3),
    Compressor::ZlibRs(4),
    Compressor::ZlibRs(6),
    Compressor::Libdeflate(1),
    Compressor::Libdeflate(4),
    Compressor::Libdeflate(6),
    Compressor::Zstd(1),
    Compressor::Zstd(3),
];

/// A compressor with its compression level. Each has its own range of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compressor {
    /// gzip with the crate `flate2` on `zlib-rs`.
    ZlibRs(u32),
    /// gzip with `libdeflate`.
    Libdeflate(i32),
    /// zstd with the crate `zstd`.
    Zstd(i32),
}

impl Compressor {
    /// Compresses lines to an object as the collector does it: in one call, to a new buffer.
    pub(crate) fn compress(self, lines: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::ZlibRs(level) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
                encoder.write_all(lines)?;
                encoder.finish()
            }
            Self::Libdeflate(level) => compress_with_libdeflate(level, lines),
            Self::Zstd(level) => zstd::encode_all(lines, level),
        }
    }

    /// Returns `true` if the compressor writes gzip.
    pub(crate) fn is_gzip(self) -> bool {
        !matches!(self, Self::Zstd(_))
    }
}

fn compress_with_libdeflate(level: i32, lines: &[u8]) -> io::Result<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(level).map_err(|why| io::Error::other(format!("{why:?}")))?;
    let mut compressor = libdeflater::Compressor::new(level);
    let mut object = vec![0; compressor.gzip_compress_bound(lines.len())];
    let length = compressor.gzip_compress(lines, &mut object).map_err(|why| io::Error::other(format!("{why:?}")))?;
    object.truncate(length);
    Ok(object)
}

impl fmt::Display for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZlibRs(level) => write!(f, "gzip: zlib-rs {level}"),
            Self::Libdeflate(level) => write!(f, "gzip: libdeflate {level}"),
            Self::Zstd(level) => write!(f, "zstd {level}"),
        }
    }
}

impl Serialize for Compressor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
