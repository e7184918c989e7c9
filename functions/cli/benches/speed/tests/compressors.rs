use std::io::Read;

use crate::compressors::{ALL, COLLECTOR_GZIP, COLLECTOR_ZSTD, Compressor};

#[test]
fn the_output_of_every_compressor_can_be_decompressed() {
    let lines: String = (0..2_000).map(|number| format!("{{\"number\":{number}}}\n")).collect();
    for compressor in ALL {
        let object = compressor.compress(lines.as_bytes()).unwrap();
        assert!(object.len() * 2 < lines.len(), "{compressor}");
        let mut undone = Vec::new();
        if compressor.is_gzip() {
            flate2::read::GzDecoder::new(object.as_slice()).read_to_end(&mut undone).unwrap();
        } else {
            undone = zstd::decode_all(object.as_slice()).unwrap();
        }
        assert_eq!(undone, lines.as_bytes(), "{compressor}");
    }
}

#[test]
fn the_default_compressors_are_those_of_the_collector() {
    let source = include_str!("../../../../../shared/collector/src/deliver/object.rs");
    let (Compressor::ZlibRs(gzip), Compressor::Zstd(zstd)) = (COLLECTOR_GZIP, COLLECTOR_ZSTD) else {
        panic!("of another kind")
    };
    assert!(source.contains(&format!("const GZIP_LEVEL: u32 = {gzip};")), "object.rs has another gzip level");
    assert!(source.contains(&format!("const ZSTD_LEVEL: i32 = {zstd};")), "object.rs has another zstd level");
}
