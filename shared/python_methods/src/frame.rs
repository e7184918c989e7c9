//! The messages between this process and the worker: the length in four bytes, little-endian, and then the content.

use std::io::{self, Read, Write};

/// The maximum length of a message, in bytes. It is enough for the largest line as an event, and for all files of a
/// set.
pub(crate) const MAX_FRAME_BYTES: usize = 64 << 20;

/// Writes the parts as one message.
///
/// # Errors
/// The other process has closed the pipe, or the content is too long.
pub(crate) fn write(to: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let header = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME_BYTES);
    let header = header.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"))?;
    to.write_all(&header.to_le_bytes())?;
    parts.iter().try_for_each(|part| to.write_all(part))?;
    to.flush()
}

/// Reads one message; `None` if the other process has closed the pipe.
///
/// # Errors
/// Reading fails, or the message is incomplete or too long.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; 4];
    match from.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(header) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content)?;
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let mut pipe = Vec::new();
        write(&mut pipe, &[b"ab", b"c"]).unwrap();
        write(&mut pipe, &[]).unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read(&mut from).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(read(&mut from).unwrap(), Some(Vec::new()));
        assert_eq!(read(&mut from).unwrap(), None);
    }

    #[test]
    fn a_message_that_is_too_long_or_cut_short_is_an_error() {
        assert!(read(&mut [0xff, 0xff, 0xff, 0xff].as_slice()).is_err());
        assert!(read(&mut [2, 0, 0, 0, 1].as_slice()).is_err());
    }
}
