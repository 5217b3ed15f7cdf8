//! Texts from files, before GStreamer sees them: its parsers recurse, its strings end at the first zero.

/// Most opening brackets in a text that GStreamer gets to parse. Each may cost its parser a frame of a kilobyte.
const MOST_BRACKETS: usize = 1024;

/// True when GStreamer's parser of caps, structures and tag lists can be given this text. All opening brackets
/// count, those in quotes too: what is in quotes is parsed as a text of its own, and to tell which are closed
/// would take that parser.
pub fn is_parsable(text: &str) -> bool {
    let brackets = text.bytes().filter(|b| matches!(b, b'<' | b'{' | b'['));
    !text.contains('\0') && brackets.take(MOST_BRACKETS + 1).count() <= MOST_BRACKETS
}

/// The text up to its first zero, all that fits into a string of GStreamer's.
pub fn before_zero(text: &str) -> &str {
    text.split_once('\0').map_or(text, |(before, _)| before)
}
