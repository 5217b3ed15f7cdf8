//! Subtitles as samples of timed text (3GPP TS 26.245, 5.17).

/// Most bytes of a text: its length has 16 bits.
const MOST_BYTES: usize = 0xffff;
/// Fewest bytes of a box.
const HEADER_BYTES: usize = 8;

/// The sample of a text buffer: its length in 16 bits, then the text in UTF-8. Markup is made plain, what is no UTF-8 is
/// replaced, and what is longer than the length can say is cut between characters.
pub fn timed_text(payload: &[u8], markup: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(payload);
    // Parsers of subtitles end their buffers with a zero now and then.
    let text = text.trim_end_matches('\0');
    let plain = match markup {
        true => plain(text),
        false => text.to_string(),
    };
    let text = plain
        .get(..plain.floor_char_boundary(MOST_BYTES))
        .unwrap_or_default();
    let mut sample = Vec::with_capacity(2 + text.len());
    sample.extend((text.len() as u16).to_be_bytes());
    sample.extend(text.bytes());
    sample
}

/// Makes a sample as long as it has to be: with a box that readers skip, or, where that has no room, with spaces at the
/// end of the text. `None` where it is longer, or the text too long for more.
pub fn padded(mut sample: Vec<u8>, size: usize) -> Option<Vec<u8>> {
    let rest = size.checked_sub(sample.len())?;
    if let (HEADER_BYTES.., Ok(length)) = (rest, u32::try_from(rest)) {
        sample.extend(length.to_be_bytes());
        sample.extend(b"free");
    } else {
        let length = u16::try_from(size.checked_sub(2)?).ok()?;
        let field = sample.first_chunk_mut()?;
        *field = length.to_be_bytes();
        sample.resize(size, b' ');
    }
    sample.resize(size, 0);
    Some(sample)
}

/// Pango markup without its tags and with its entities as characters. What only looks like one stays.
fn plain(markup: &str) -> String {
    let mut out = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        rest = match special.starts_with('<') {
            true => after_tag(special),
            false => entity(special).map(|(character, after)| {
                out.push(character);
                after
            }),
        }
        .unwrap_or_else(|| {
            let mut characters = special.chars();
            out.extend(characters.next());
            characters.as_str()
        });
    }
    out.push_str(rest);
    out
}

/// What follows the tag at the start of a text; `None` where it is no tag.
fn after_tag(text: &str) -> Option<&str> {
    let name = text.get(1..)?.trim_start_matches('/');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    text.split_once('>').map(|(_, after)| after)
}

/// The character of the entity at the start of a text and what follows; `None` where it is none.
fn entity(text: &str) -> Option<(char, &str)> {
    let (name, after) = text.strip_prefix('&')?.split_once(';')?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(payload: &str, markup: bool) -> String {
        let sample = timed_text(payload.as_bytes(), markup);
        let (length, text) = sample.split_at(2);
        let length = u16::from_be_bytes(length.try_into().unwrap());
        assert_eq!(usize::from(length), text.len());
        String::from_utf8(text.to_vec()).unwrap()
    }

    #[test]
    fn markup_becomes_plain() {
        for (markup, plain) in [
            ("<i>second</i> naïve ✓", "second naïve ✓"),
            ("<span foreground=\"#ff0000\">a &amp; b</span>", "a & b"),
            ("&lt;no tag&gt; &#233;&#xe9;&quot;&apos;", "<no tag> éé\"'"),
            (
                "1 < 2 & 3 > 2 &nothing; &#xd800;",
                "1 < 2 & 3 > 2 &nothing; &#xd800;",
            ),
            ("cut <b", "cut <b"),
            ("&", "&"),
            ("", ""),
        ] {
            assert_eq!(text(markup, true), plain, "{markup}");
        }
    }

    #[test]
    fn a_sample_is_made_as_long_as_it_has_to_be() {
        let sample = || timed_text(b"ab", false);
        assert_eq!(padded(sample(), 4).unwrap(), b"\0\x02ab");
        assert_eq!(padded(sample(), 7).unwrap(), b"\0\x05ab   ");
        assert_eq!(padded(sample(), 12).unwrap(), b"\0\x02ab\0\0\0\x08free");
        assert_eq!(padded(sample(), 14).unwrap(), b"\0\x02ab\0\0\0\x0afree\0\0");
        assert_eq!(padded(sample(), 3), None);
        let long = timed_text(&[b'a'; MOST_BYTES], false);
        assert_eq!(padded(long, MOST_BYTES + 3), None);
    }

    #[test]
    fn plain_text_stays_but_for_zeros_at_its_end() {
        assert_eq!(text("<i>&amp;\0", false), "<i>&amp;");
        assert_eq!(timed_text(b"a\xff", false), b"\0\x04a\xef\xbf\xbd");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let cut = text(&"é".repeat(40_000), false);
        assert_eq!(cut.chars().count(), 32_767);
        assert!(cut.chars().all(|c| c == 'é'));
    }
}
