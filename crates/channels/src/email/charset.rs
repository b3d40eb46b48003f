//! Bytes of unknown or wrong label to text: UTF-8 when they are, else windows-1252, which never fails.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

/// The text of bytes whose label is missing, unknown or wrong.
pub(crate) fn utf8_or_1252(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The same, line by line, for a header block in which each line may be of another client.
pub(crate) fn lines_to_utf8(block: &[u8]) -> String {
    block.split_inclusive(|b| *b == b'\n').map(utf8_or_1252).collect()
}
