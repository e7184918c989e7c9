use crate::memory::{peak_kib, stream};

#[test]
fn a_peak_is_read() {
    assert_eq!(peak_kib("Name:\tx\nVmPeak:\t  99 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n"), Some(12_345));
    assert_eq!(peak_kib("Name:\tx\nState:\tZ (zombie)\n"), None);
}

#[test]
fn all_of_a_blob_becomes_objects() {
    let streamed = stream(300_000).unwrap();
    assert!(streamed.bytes >= 300_000 && streamed.lines > 100 && streamed.objects == 1, "{streamed:?}");
    assert!(streamed.object_bytes > 0 && streamed.object_bytes * 3 < streamed.bytes, "{streamed:?}");
}
