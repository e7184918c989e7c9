use crate::memory::{peak_kib, stream};

#[test]
fn the_peak_is_read_from_the_process_status() {
    assert_eq!(peak_kib("Name:\tx\nVmPeak:\t  99 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n"), Some(12_345));
    assert_eq!(peak_kib("Name:\tx\nState:\tZ (zombie)\n"), None);
}

#[test]
fn all_events_of_a_blob_are_in_the_objects() {
    let streamed = stream(300_000).unwrap();
    assert!(streamed.bytes >= 300_000 && streamed.lines > 100 && streamed.objects == 1, "{streamed:?}");
    assert!(streamed.object_bytes > 0 && streamed.object_bytes * 3 < streamed.bytes, "{streamed:?}");
}
